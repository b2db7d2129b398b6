"""KerasTuner's files of a search: kept such that a kill between any two instructions costs nothing.

KerasTuner writes its JSON files in place, where a kill leaves half a file; a new trial in two of
them, where a kill leaves a trial that the oracle does not know and never runs; and it reloads a
search only for a process of the same name.
"""

import json
import pathlib
import shutil

from keras_tuner.src import utils

from trainers import run_folder


def write_whole():
    """Makes KerasTuner write each of its JSON files whole or not at all."""

    def save_json(path, value):
        text = json.dumps(value)
        run_folder.write_text(pathlib.Path(path), text)
        return text

    utils.save_json = save_json


def recover(folder, tuner_id):
    """Prepares what a search left, however it ended, for the process that goes on with it.

    Args:
        folder: `pathlib.Path` of KerasTuner's project; it need not exist.
        tuner_id: name of this process: that of the oracle.

    Raises:
        ValueError: for a file that is damaged, with its name.
    """
    path = folder / "oracle.json"
    state = {"start_order": [], "ongoing_trials": {}, "retry_queue": []}
    if path.exists():
        state = run_folder.read_json(path)
        run_folder.write_text(folder / f"{tuner_id}.json", "{}")  # what it looks for to reload
    unfinished = {*state["ongoing_trials"].values(), *state["retry_queue"]}
    for trial in folder.glob("trial_*"):
        name = trial.name.removeprefix("trial_")
        if name not in state["start_order"]:  # it has not begun
            shutil.rmtree(trial)
            continue
        described = run_folder.read_json(trial / "trial.json")
        if name in unfinished:  # it will report its metrics once more
            described["metrics"] = {"metrics": {}}
            run_folder.write_json(trial / "trial.json", described)
