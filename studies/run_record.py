"""The parts of a run that studies and published models keep."""

import pathlib

from air_tf import files
from trainers import provenance, run_folder


def of(path):
    """The record of a trained and evaluated run, without the paths of a machine.

    Raises:
        FileNotFoundError: if the run is not finished or not evaluated on the test images.
    """
    path = pathlib.Path(path)
    training = files.read_json(path / run_folder.METRICS)
    dropped = ("history", "model_sha256")  # publishing saves the model again
    test = files.read_json(path / "evaluation_test.json")
    return {
        "config": without_paths(files.read_json(path / run_folder.CONFIG)),
        "training": {key: value for key, value in training.items() if key not in dropped},
        "versions": files.read_json(path / provenance.VERSIONS),
        "test": {**test, "config": without_paths(test["config"])},
    }


def without_paths(config):
    """The dict of a config, without values that mean nothing on another machine."""
    paths = ("run", "out", "data_dir", "manual_dir")
    return {key: value for key, value in config.items() if key not in paths}
