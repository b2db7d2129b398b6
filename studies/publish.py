"""`python -m studies.publish RUN --out saved_models/DATASET/MODEL`: publishes a run."""

import dataclasses
import pathlib
import shutil

import tyro

import air_tf
from air_tf import checksums, files
from studies import cards, run_record
from trainers import command_line, run_folder, train


@dataclasses.dataclass(frozen=True)
class PublishConfig:
    """Publish a trained and evaluated run: model, SavedModel, card, hashes, picture of images."""

    run: tyro.conf.Positional[str]
    """Run folder that trainers.train wrote and trainers.evaluate evaluated on the test split."""
    out: str
    """New folder, saved_models/DATASET/MODEL."""
    search: str | None = None
    """Folder of the search that chose the hyperparameters, or a study's record of it, search.json;
    None if there was no search."""


def publish(config):
    """Writes the folder of a published model."""
    run, out = pathlib.Path(config.run), pathlib.Path(config.out)
    run_folder.require_empty(out)
    trained, model = run_folder.load(run)
    record = run_record.of(run)
    data = train.load(trained)
    record["config"]["out"] = f"runs/{out.parent.name}_{out.name}"
    card = {
        "name": f"{out.parent.name}/{out.name}",
        "task": _task(trained.likelihood, data),
        "data": _data(data),
        "num_parameters": model.count_params(),
        "chosen_by": None,
        "command": cards.command(record["config"]),
        **record,
    }
    if config.search is not None:
        card["chosen_by"] = cards.chosen_by(pathlib.Path(config.search), record["config"])
    out.parent.mkdir(parents=True, exist_ok=True)
    with files.whole(out) as unfinished:
        _write(unfinished, card, model, run)
    print(f"{out}: {card['test']['log_likelihood']['mean']:.2f} nats")


def _write(out, card, model, run):
    out.mkdir()
    # A model that was never compiled has no optimizer slots, twice the size of the weights.
    bare = type(model).from_config(model.get_config())
    bare.set_weights(model.get_weights())
    bare.save(out / run_folder.MODEL)
    files.write_json(out / run_folder.CONFIG, card["config"])
    if card["data"]["image_shape"] is not None:
        shutil.copy(run / "samples.png", out)
    air_tf.export_saved_model(bare, out / "saved_model")
    files.write_json(out / air_tf.zoo.CARD, card)
    files.write_text(out / "README.md", cards.readme(card))
    checksums.write_hashes(out)


def _task(likelihood, data):
    unit = cards.unit(data.image_shape)
    kind = f"binary {unit}s" if likelihood == "bernoulli" else f"{unit}s"
    return f"Density estimation of {kind}, in nats per {unit}"


def _data(data):
    sizes = {split: len(getattr(data, split)) for split in ("train", "validation", "test")}
    return {
        "image_shape": data.image_shape and list(data.image_shape),
        "observation_shape": list(data.train.shape[1:]),
        "binarization": data.binarization,
        **sizes,
    }


if __name__ == "__main__":
    command_line.run(publish, PublishConfig)
