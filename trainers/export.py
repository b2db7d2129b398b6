"""`python -m trainers.export RUN --out PATH`: saves a trained model as a SavedModel."""

import dataclasses
import pathlib

import tyro

import air_tf
from air_tf import checksums, files
from trainers import command_line, run_folder


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """Export the model of a run folder to a SavedModel, which runs with TensorFlow alone.

    It has the endpoints of `air_tf.export_saved_model`. The config of the run is exported, too: it
    tells trainers.evaluate which data the model was trained on.
    """

    run: tyro.conf.Positional[str]
    """Run folder that trainers.train wrote."""
    out: str
    """Folder of the SavedModel; it must not exist yet."""


def export(config):
    """Exports the model of a run folder."""
    trained, model = run_folder.load(config.run)
    air_tf.export_saved_model(model, config.out)
    extra = pathlib.Path(config.out) / run_folder.EXPORTED_CONFIG
    extra.parent.mkdir()
    files.write_text(extra, trained.to_json())
    hashes = pathlib.Path(config.out) / run_folder.EXPORTED_HASHES
    checksums.write_hashes(pathlib.Path(config.out), hashes)
    print(f"{config.out}: SavedModel of {config.run}")


if __name__ == "__main__":
    command_line.run(export, ExportConfig)
