"""The folder that a run leaves behind."""

import json
import os
import pathlib
import platform
import subprocess

import keras
import tensorflow as tf

from air_tf import versions, zoo
from trainers.train_config import TrainConfig

# Within a SavedModel, where extra files go.
EXPORTED_CONFIG, EXPORTED_HASHES = "assets.extra/config.json", f"assets.extra/{zoo.HASHES}"
MODEL, CONFIG, METRICS, LOGS = "model.keras", "config.json", "metrics.json", "logs"
BACKUPS, EVALUATION_BACKUPS = "backups", "evaluation_backups"
VERSIONS = "versions.json"


def create(config):
    """Makes the folder of a run, or recognizes it as that of the same run, unfinished.

    Raises:
        FileExistsError: if it holds anything else; nothing in it is touched.
    """
    path = pathlib.Path(config.out)
    written = path / CONFIG
    if not written.exists() or (path / METRICS).exists():
        require_empty(path)
        path.mkdir(parents=True, exist_ok=True)
        write_text(written, config.to_json())
    elif TrainConfig.of_dict(read_json(written), str(written)) != config:
        raise FileExistsError(
            f"`out` holds another run, which stays as it is; see {written}. Received: {path}"
        )
    keep_versions(path)
    return path


def keep_versions(path):
    """Writes the versions that a run goes on with beside those that it began with; returns them.

    Returns:
        {name: version} of the code, Python and the packages, and the device; "earlier" has a list
        of the same, if there were others before.
    """
    python = platform.python_version()
    found = {"commit": _commit(), "python": python, **versions.found(), "device": _device()}
    if (path / VERSIONS).exists():  # those that an interrupted run began with
        before = read_json(path / VERSIONS)
        earlier = before.pop("earlier", [])
        earlier += [before] if before != found else []
        found |= {"earlier": earlier} if earlier else {}
    write_json(path / VERSIONS, found)
    return found


def _commit():
    """The commit of this checkout, and whether it was changed; None without git or a checkout."""
    words = "describe --always --dirty --abbrev=40 --exclude *".split()
    command = ["git", "-C", str(pathlib.Path(__file__).parent), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def _device():
    """What trains: the names of the GPUs, or the kind of processor."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    names = [found.get("device_name", "GPU") for found in details]
    return ", ".join(names) or platform.machine()


def require_empty(path):
    """Raises FileExistsError if there is anything at `path`.

    What a kill left half-written does not count.
    """
    if (path.exists() and not path.is_dir()) or any(f.suffix != ".tmp" for f in path.glob("*")):
        raise FileExistsError(
            f"`out` must be a new or empty folder; another run's stays as it is. Received: {path}"
        )


def load(path):
    """The config and the trained model of a run folder.

    Raises:
        FileNotFoundError: if the folder holds no finished run.
        ValueError: if a file of it is damaged.
    """
    path = pathlib.Path(path)
    for name in (CONFIG, MODEL):
        if not (path / name).exists():
            raise FileNotFoundError(f"A run folder must hold {name}. Received: {path}")
    config = TrainConfig.of_dict(read_json(path / CONFIG), str(path / CONFIG))
    if (path / zoo.HASHES).exists():  # a published model is checked by its list
        zoo.verify(path)
    else:
        expected = read_json(path / METRICS).get("model_sha256")
        if expected != zoo.sha256(path / MODEL):
            raise ValueError(f"The model must be as it was saved. Received: {path / MODEL}")
    try:
        return config, keras.saving.load_model(path / MODEL)
    except Exception as error:  # whatever Keras makes of a file that is none
        raise ValueError(f"Keras must be able to load {path / MODEL}. Received: {error}") from error


def record(path):
    """What is worth keeping of a trained and evaluated run, without paths of a machine.

    Raises:
        FileNotFoundError: if the run is not finished, or not evaluated on the test images.
    """
    path = pathlib.Path(path)
    dropped = ("history", "model_sha256")  # publishing saves the model anew
    training = {key: v for key, v in read_json(path / METRICS).items() if key not in dropped}
    test = read_json(path / "evaluation_test.json")
    return {
        "config": without_paths(read_json(path / CONFIG)),
        "training": training,
        "versions": read_json(path / VERSIONS),
        "test": {**test, "config": without_paths(test["config"])},
    }


def without_paths(config):
    """The dict of a config without what means nothing on another machine."""
    paths = ("run", "out", "data_dir", "manual_dir")
    return {key: value for key, value in config.items() if key not in paths}


def read_json(path):
    """Reads a file of a run folder.

    Raises:
        FileNotFoundError: if it is not there, with the folder named.
        ValueError: if it is not JSON.
    """
    if not path.exists():
        raise FileNotFoundError(f"The folder must hold {path.name}. Received: {path.parent}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be JSON. Received: {error}") from error


def write_text(path, text):
    """Writes a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text + "\n", encoding="utf-8")
    os.replace(temporary, path)


def write_json(path, value):
    """Writes JSON whole or not at all."""
    write_text(path, json.dumps(value, indent=2))
