"""Every name of KerasTuner that its documentation does not have, under names of ours.

KerasTuner may change these with any release: setup.py bounds its version, and
tests/tuning/test_private_keras_tuner.py fails if one of them no longer does what is needed here.

Its files are such names, too. KerasTuner writes a JSON file in place, where a kill leaves half of
it. It writes a new trial to two files, and a kill between them leaves a trial that the oracle does
not know and never runs. It reloads a search only for a process of the same name, and not from a
folder with brackets in its name.
"""

import contextlib
import json
import os
import pathlib
import shutil

import numpy as np
from keras_tuner.src import utils
from keras_tuner.src.distribute import utils as distribute
from keras_tuner.src.engine import trial as trial_module
from keras_tuner.src.engine import tuner_utils

from air_tf import files

_ORACLE, _TRIAL, _TRIALS = "oracle.json", "trial.json", "trial_*"


def holds_oracle():
    """Whether this process chooses the trials: it searches alone, or is the chief of workers."""
    return distribute.is_chief_oracle() or not distribute.has_chief_oracle()


def tuner_of(callbacks):
    """The tuner that gave its callbacks to `HyperModel.fit`, or None if there is none."""
    tuners = [c.tuner for c in callbacks if isinstance(c, tuner_utils.TunerCallback)]
    return tuners[0] if tuners else None


def weight_savers(callbacks):
    """The callbacks by which a tuner saves the weights of its best epoch."""
    return [c for c in callbacks if isinstance(c, tuner_utils.SaveBestEpoch)]


def results(history, objective):
    """What `HyperModel.fit` returns to a tuner of KerasTuner.

    That is the history, or, since KerasTuner expects all metrics of a history in every epoch, the
    metrics of the best epoch with a validation.
    """
    columns = history.history
    if len(set(map(len, columns.values()))) == 1:
        return history
    number = len(columns.get(objective.name, min(columns.values(), key=len)))
    rows = [{n: v[i] for n, v in columns.items() if len(v) == number} for i in range(number)]
    rows = [{**row, objective.name: objective.get_value(row)} for row in rows]
    best = max if objective.direction == "max" else min
    return best(rows, key=lambda row: row[objective.name])


def copy_random_states(source, target):
    """Gives a model the random streams of another, which it lost where Hyperband loaded weights.

    Args:
        source, target: models of the same layers.
    """
    for fresh, loaded in zip(source.variables, target.variables, strict=True):
        if fresh.name == "seed_generator_state":
            loaded.assign(fresh)


def seed_proposals(oracle, seed):
    """Seeds what the oracle of a Bayesian search draws, except its first, random trials."""
    oracle._random_state = np.random.RandomState(seed)


@contextlib.contextmanager
def whole_files():
    """Lets KerasTuner write each of its JSON files whole or not at all, as long as this is open."""

    def save_json(path, value):
        text = json.dumps(value)
        files.write_text(pathlib.Path(path), text)
        return text

    before = utils.save_json
    utils.save_json = save_json
    try:
        yield
    finally:
        utils.save_json = before


def recover(folder):
    """Repairs what a killed search left, for this process to reload.

    Args:
        folder: `pathlib.Path` of KerasTuner's project; it need not exist.

    Returns:
        Whether there is a search to reload.

    Raises:
        ValueError: if a file is damaged; the message has its name.
    """
    state = {"start_order": [], "ongoing_trials": {}, "retry_queue": []}
    found = (folder / _ORACLE).exists()
    if found:
        state = files.read_json(folder / _ORACLE)
        name = os.environ.get("KERASTUNER_TUNER_ID", "tuner0")
        files.write_text(folder / f"{name}.json", "{}")  # KerasTuner reloads if this file exists
    unfinished = {*state["ongoing_trials"].values(), *state["retry_queue"]}
    for trial in folder.glob(_TRIALS):
        name = trial.name.removeprefix(_TRIALS[:-1])
        if name not in state["start_order"]:  # it has not begun
            shutil.rmtree(trial)
            continue
        described = files.read_json(trial / _TRIAL)
        if name in unfinished:  # it will report its metrics again
            described["metrics"] = {"metrics": {}}
            files.write_json(trial / _TRIAL, described)
    return found


def read_trials(folder):
    """Reads the trials of a recovered project: {id: trial} in the order in which they started."""
    order = files.read_json(folder / _ORACLE)["start_order"]
    paths = {name: folder / _TRIALS.replace("*", name) / _TRIAL for name in order}
    return {
        name: trial_module.Trial.from_state(files.read_json(path)) for name, path in paths.items()
    }
