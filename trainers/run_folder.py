"""The folder that a run leaves behind."""

import json
import os
import pathlib
import platform

import keras

from air_tf import versions
from trainers.train_config import TrainConfig

EXPORTED_CONFIG = "assets.extra/config.json"  # within a SavedModel, where extra files go
MODEL, CONFIG, METRICS, LOGS = "model.keras", "config.json", "metrics.json", "logs"


def create(config):
    """Creates the folder of a run and writes its config and the versions it runs on.

    Raises:
        FileExistsError: if the folder is not empty; nothing in it is touched.
    """
    path = pathlib.Path(config.out)
    require_empty(path)
    path.mkdir(parents=True, exist_ok=True)
    write_text(path / CONFIG, config.to_json())
    found = {"python": platform.python_version(), **versions.found()}
    write_json(path / "versions.json", found)
    return path


def require_empty(path):
    """Raises FileExistsError if there is anything at `path` already."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(
            f"`out` must be a new or empty folder; another run's stays as it is. Received: {path}"
        )


def load(path):
    """The config and the trained model of a run folder.

    Raises:
        FileNotFoundError: if the folder holds no finished run.
    """
    path = pathlib.Path(path)
    for name in (CONFIG, MODEL):
        if not (path / name).exists():
            raise FileNotFoundError(f"A run folder must hold {name}. Received: {path}")
    config = TrainConfig.from_json((path / CONFIG).read_text(encoding="utf-8"))
    return config, keras.saving.load_model(path / MODEL)


def write_text(path, text):
    """Writes a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text + "\n", encoding="utf-8")
    os.replace(temporary, path)


def write_json(path, value):
    """Writes JSON whole or not at all."""
    write_text(path, json.dumps(value, indent=2))
