"""`python -m tuning.search`: search the strength, resume a search, alone or as one of several."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import sys
import threading

import keras
import keras_tuner
import numpy as np
from keras_tuner import errors

from air_tf import checks
from air_tf.callbacks import BackupAndRestore, TerminateOnNaN
from trainers import command_line, locks, run_folder, train
from tuning import report, state_files
from tuning.air_hyper_model import AIRHyperModel
from tuning.bayesian_oracle import BayesianOracle
from tuning.grid_oracle import GridOracle
from tuning.search_config import SearchConfig

SEARCH, _TRIALS, _LOGS = "search.json", "trials", "logs"
LAUNCHED = "AIR_TF_LAUNCHED"  # set for a process that tuning.launch has started
_ALONE, _CHIEF = "tuner0", "chief"  # KerasTuner's names of the processes that hold the oracle
# KerasTuner's own, but for those that could not go on where they were.
_ORACLES = {"grid": GridOracle, "bayesian": BayesianOracle}
_TUNERS = {"random": keras_tuner.RandomSearch, "hyperband": keras_tuner.Hyperband}


class _Executions:
    """Mixin for a tuner: each execution of a trial has a seed of its own and leaves a record.

    What was killed goes on from its last backup. What is on record is not done again: KerasTuner
    repeats a trial if it was killed before it took notice of the trial's end. A trial that diverges
    has failed; any other error ends the search, so that the same command takes up the trial when
    what was wrong is mended.
    """

    def __init__(self, *args, num_executions, log_dir, **kwargs):
        super().__init__(*args, **kwargs)
        self._num_executions, self._log_dir = num_executions, log_dir

    def run_trial(self, trial, *args, **kwargs):
        path = pathlib.Path(self.get_trial_dir(trial.trial_id))
        record_path, backups = path / report.EXECUTIONS, path / run_folder.BACKUPS
        records = report.read(record_path)
        monitor = self.hypermodel.config.monitor
        for execution in range(len(records), self._num_executions):
            self.hypermodel.execution = execution
            logs = keras.callbacks.TensorBoard(self._log_dir / f"execution{execution}")
            every_seconds = self.hypermodel.config.backup_seconds
            folder = backups / str(execution)
            folder.mkdir(parents=True, exist_ok=True)
            versions = run_folder.keep_versions(folder)
            backup = BackupAndRestore(folder, every_seconds)
            stopwatch = train.Stopwatch()
            kwargs |= {"callbacks": [logs, TerminateOnNaN()], "resuming": [backup, stopwatch]}
            self.hypermodel.best = max((record[monitor] for record in records), default=-np.inf)
            try:
                (history,) = super().run_trial(trial, *args, **kwargs)
            except FloatingPointError as error:
                shutil.rmtree(backups, ignore_errors=True)
                raise errors.FailedTrialError(str(error)) from error
            except Exception as error:
                values = trial.hyperparameters.values
                raise errors.FatalValueError(f"{error}. Received: {values}") from error
            bounds = history.history[monitor]
            every = self.hypermodel.config.validation_freq
            record = {
                "seed": self.hypermodel.config.seed + execution,
                monitor: max(bounds),
                "best_epoch": history.epoch[0] + every * (int(np.argmax(bounds)) + 1),
                "epochs": len(history.epoch),
                "seconds": stopwatch.seconds,
                "versions": versions,
            }
            records.append(record)
            run_folder.write_json(record_path, records)
        shutil.rmtree(backups, ignore_errors=True)
        self.hypermodel.execution = 0
        return [{monitor: record[monitor]} for record in records]


def make_hypermodel(config):
    """The space of a `SearchConfig`; whatever is wrong with it is said here, before the search."""
    hypermodel = AIRHyperModel(
        config.training({}, config.out), config.grid.searched(), config.range.searched()
    )
    if not hypermodel.grid and not hypermodel.ranges:
        raise ValueError("A search needs a --grid or a --range of at least one hyperparameter")
    checks.positive_int("executions_per_trial", config.executions_per_trial)
    if config.max_trials is not None:
        checks.positive_int("max_trials", config.max_trials)
        if config.tuner == "hyperband":
            raise ValueError("Hyperband decides itself how many trials; leave out --max-trials")
    if config.tuner == "bayesian" and not hypermodel.ranges:
        raise ValueError(
            "Bayesian optimization would try values of a grid again and again; give it a --range, "
            f"or take the tuner grid or random. Received: grid={hypermodel.grid}"
        )
    if config.tuner == "hyperband" and config.validation_freq > 1:
        raise ValueError(
            "Hyperband compares trials after few epochs and needs a validation in each. "
            f"Received: validation_freq={config.validation_freq}"
        )
    if config.strategy is not None:
        raise ValueError(
            "A search trains on one device; tuning.launch makes several processes. "
            f"Received: strategy={config.strategy!r}"
        )
    for name, values in {**hypermodel.grid, **hypermodel.ranges}.items():
        for value in values:
            hyperparameters = keras_tuner.HyperParameters()
            hypermodel.config_for(hyperparameters)
            hyperparameters.values[name] = value
            hypermodel.build(hyperparameters)
    return hypermodel


def make_tuner(config, hypermodel):
    """The KerasTuner tuner of a `SearchConfig`; reloads what its folder holds already."""
    # A seed of 0 would be none to KerasTuner.
    options = {"objective": keras_tuner.Objective(config.monitor, "max"), "seed": config.seed + 1}
    options["max_consecutive_failed_trials"] = 10**9  # one that diverges says nothing of the others
    if config.tuner == "hyperband":
        options["max_epochs"] = config.epochs
    elif config.max_trials is not None:
        options["max_trials"] = config.max_trials
    if config.tuner in _ORACLES:
        options = {"oracle": _ORACLES[config.tuner](**options)}
    base = _TUNERS.get(config.tuner, keras_tuner.Tuner)
    tuner_class = type(base.__name__, (_Executions, base), {})
    state_files.write_whole()
    tuner_id = os.environ.get("KERASTUNER_TUNER_ID", _ALONE)
    if tuner_id in (_ALONE, _CHIEF):
        state_files.recover(pathlib.Path(config.out) / _TRIALS, tuner_id)
    return tuner_class(
        hypermodel=hypermodel,
        directory=config.out,
        project_name=_TRIALS,
        num_executions=config.executions_per_trial,
        log_dir=pathlib.Path(config.out) / _LOGS,
        **options,
    )


def prepare(config):
    """Makes the folder of a search, or recognizes it as its own; more trials may be asked of it.

    Raises:
        FileExistsError: if it holds anything but this search; nothing in it is touched.
    """
    path = pathlib.Path(config.out)
    written = path / SEARCH
    if written.exists():
        found = SearchConfig.of_dict(run_folder.read_json(written), str(written))
        if found == config:
            return path
        if dataclasses.replace(found, max_trials=config.max_trials) != config:
            raise FileExistsError(
                f"`out` holds another search, which stays as it is; see {written}. Received: {path}"
            )
    else:
        run_folder.require_empty(path)
        path.mkdir(parents=True, exist_ok=True)
    run_folder.write_text(written, config.to_json())
    return path


def search(config):
    """Runs or resumes the search and writes its report; returns the tuner."""
    hypermodel = make_hypermodel(config)
    path = prepare(config)
    holds_oracle = os.environ.get("KERASTUNER_TUNER_ID", _ALONE) in (_ALONE, _CHIEF)
    with locks.locked(path) if holds_oracle else contextlib.nullcontext():
        tuner = make_tuner(config, hypermodel)
        tuner.search()
        if holds_oracle:
            report.write(path, tuner)
    return tuner


def _end_with_launcher():
    """Ends this process when the one that holds the other end of its standard input does."""

    def wait():
        os.read(sys.stdin.fileno(), 1)  # sys.stdin itself would be locked when the process ends
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    if LAUNCHED in os.environ:
        _end_with_launcher()
    command_line.run(search, SearchConfig)
