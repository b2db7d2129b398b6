"""The folder of a run: the names of its files, how to start a run and how to load it."""

import pathlib

import keras

from air_tf import checksums, files, zoo
from trainers import provenance
from trainers.train_config import TrainConfig

MODEL, CONFIG, METRICS, LOGS = "model.keras", "config.json", "metrics.json", "logs"
BACKUPS, EVALUATION_BACKUPS = "backups", "evaluation_backups"
# In a SavedModel, whose extra files have their own folder.
EXPORTED_CONFIG, EXPORTED_HASHES = f"assets.extra/{CONFIG}", f"assets.extra/{checksums.HASHES}"


def create(config):
    """Makes the folder of a run, or accepts one that holds the same run, unfinished.

    Raises:
        FileExistsError: if it holds anything else, which stays unchanged.
    """
    path = pathlib.Path(config.out)
    written = path / CONFIG
    if not written.exists() or (path / METRICS).exists():
        require_empty(path)
        path.mkdir(parents=True, exist_ok=True)
        files.write_text(written, config.to_json())
    elif TrainConfig.of_dict(files.read_json(written), str(written)) != config:
        raise FileExistsError(
            f"`out` holds another run, which stays as it is; see {written}. Received: {path}"
        )
    provenance.keep_versions(path)
    return path


def require_empty(path):
    """Raises FileExistsError if anything is at `path`, except files that a kill left unfinished.

    Args:
        path: `pathlib.Path` of a folder, which may not exist.
    """
    found = [file for file in path.glob("*") if file.suffix != files.UNFINISHED]
    if found or (path.exists() and not path.is_dir()):
        raise FileExistsError(
            f"`out` must be a new or empty folder; another run stays as it is. Received: {path}"
        )


def load(path):
    """The config and the trained model of a run folder.

    Raises:
        FileNotFoundError: if the folder holds no finished run.
        ValueError: if a file in it is damaged.
    """
    path = pathlib.Path(path)
    for name in (CONFIG, MODEL):
        if not (path / name).exists():
            raise FileNotFoundError(f"A run folder must hold {name}. Received: {path}")
    config = TrainConfig.of_dict(files.read_json(path / CONFIG), str(path / CONFIG))
    if (path / zoo.HASHES).exists():  # a published model has a list of its files
        zoo.verify(path)
    else:
        expected = files.read_json(path / METRICS).get("model_sha256")
        if expected != checksums.sha256(path / MODEL):
            raise ValueError(f"The model must be as saved. Received: {path / MODEL}")
    try:
        return config, keras.saving.load_model(path / MODEL)
    except Exception as error:  # Keras can raise any error for a file that is no model
        raise ValueError(f"Keras must be able to load {path / MODEL}. Received: {error}") from error
