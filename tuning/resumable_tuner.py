"""What the tuners of this package add to KerasTuner's."""

import contextlib
import copy
import pathlib
import shutil

import keras
import keras_tuner
import numpy as np
from keras_tuner import errors

from air_tf import checks, files
from air_tf.callbacks import BackupAndRestore
from trainers import locks, provenance, run_folder, train
from tuning import private_keras_tuner, report
from tuning.air_hyper_model import AIRHyperModel, require_no_data


class ResumableTuner(keras_tuner.Tuner):
    """Base of the tuners over an `AIRHyperModel`: the same script resumes a search that was killed.

    Each execution of a trial has a seed of its own and leaves a record. It resumes from its last
    backup, and what is on record is not done again. A trial that diverges has failed. Any other
    error ends the search: mend what is wrong, and the same script resumes that trial.

    Args:
        hypermodel: an `AIRHyperModel`.
        objective: that of the hypermodel, or its name, or None.
        directory, project_name, overwrite: as in KerasTuner; the folder is a local one.
        executions_per_trial: seeds, from that of the config on; the score of a trial is their mean.
        seed: of the choice of trials; that of the config if None.
        **options: of the oracle, as in KerasTuner.

    Raises:
        ValueError: for an unfit hypermodel or objective, for a folder in which another process is
            at work or a file is damaged, and from `search` for arguments other than `callbacks`
            and `verbose`.
    """

    oracle_class = None

    def __init__(
        self,
        hypermodel,
        objective=None,
        *,
        directory=".",
        project_name="untitled_project",
        overwrite=False,
        executions_per_trial=1,
        seed=None,
        **options,
    ):
        self.require(hypermodel)
        self._num_executions = checks.positive_int("executions_per_trial", executions_per_trial)
        seed = hypermodel.config.seed if seed is None else seed
        # KerasTuner takes a seed of 0 for none. One trial that diverges says nothing of the others.
        options = {"seed": seed + 1, "max_consecutive_failed_trials": 10**9, **options}
        oracle = self.oracle_class(objective=hypermodel.objective(objective), **options)
        self._folder = pathlib.Path(directory or ".") / (project_name or "untitled_project")
        with self._alone(), private_keras_tuner.whole_files():
            if private_keras_tuner.holds_oracle() and not overwrite:
                private_keras_tuner.recover(self._folder)
            # Not super(): KerasTuner's Hyperband makes an oracle of its own.
            keras_tuner.Tuner.__init__(
                self,
                oracle,
                hypermodel,
                directory=str(self._folder.parent),
                project_name=self._folder.name,
                overwrite=overwrite,
            )

    @classmethod
    def require(cls, hypermodel):
        """Raises ValueError unless this tuner can search the space of a hypermodel."""
        if not isinstance(hypermodel, AIRHyperModel):
            raise ValueError(f"`hypermodel` must be an AIRHyperModel. Received: {hypermodel!r}")

    def search(self, *args, callbacks=(), **options):
        require_no_data(args, options.keys() - {"verbose"})
        with self._alone(), private_keras_tuner.whole_files():
            # Another process may have been at work here, or an interrupt have left a trial.
            if private_keras_tuner.holds_oracle() and private_keras_tuner.recover(self._folder):
                self.reload()
            super().search(callbacks=list(callbacks), **options)

    def reload(self):
        if private_keras_tuner.holds_oracle():
            self.oracle.trials = private_keras_tuner.read_trials(self._folder)
        super().reload()
        if private_keras_tuner.holds_oracle():  # the script may ask for other values than before
            self.oracle.hyperparameters = keras_tuner.HyperParameters()
            self.hypermodel.config_for(self.oracle.hyperparameters)

    def run_trial(self, trial, *args, callbacks=(), **options):
        path = pathlib.Path(self.get_trial_dir(trial.trial_id))
        monitor = self.oracle.objective.name
        records = report.read(path / report.EXECUTIONS)[: self._num_executions]
        for execution in range(len(records), self._num_executions):
            self.hypermodel.execution = execution
            self.hypermodel.best = max((record[monitor] for record in records), default=-np.inf)
            options["callbacks"] = [_apart(callback, execution) for callback in callbacks]
            try:
                record = self._execute(trial, path / run_folder.BACKUPS, *args, **options)
            except (errors.FatalError, errors.FailedTrialError):
                raise
            except Exception as error:
                values = trial.hyperparameters.values
                raise errors.FatalValueError(f"{error}. Received: {values}") from error
            finally:
                self.hypermodel.execution = 0
            records.append(record)
            files.write_json(path / report.EXECUTIONS, records)
        shutil.rmtree(path / run_folder.BACKUPS, ignore_errors=True)
        return [{monitor: record[monitor]} for record in records]

    def _execute(self, trial, backups, *args, **options):
        """Trains a model or resumes its training; returns the record."""
        config = self.hypermodel.config_for(trial.hyperparameters)
        folder = backups / str(self.hypermodel.execution)
        folder.mkdir(parents=True, exist_ok=True)
        versions = provenance.keep_versions(folder)
        stopwatch = train.Stopwatch()
        options["resuming"] = [BackupAndRestore(folder, config.backup_seconds), stopwatch]
        try:
            (history,) = super().run_trial(trial, *args, **options)
        except FloatingPointError as error:
            shutil.rmtree(backups, ignore_errors=True)
            raise errors.FailedTrialError(str(error)) from error
        bounds = history.history[config.monitor]
        best = int(np.argmax(bounds))
        return {
            "seed": config.seed,
            config.monitor: max(bounds),
            "best_epoch": history.epoch[0] + config.validation_freq * (best + 1),
            "epochs": len(history.epoch),
            "seconds": stopwatch.seconds,
            "versions": versions,
        }

    def _alone(self):
        """Keeps other processes off the folder; workers share it with their chief."""
        alone = private_keras_tuner.holds_oracle()
        return locks.locked(self._folder) if alone else contextlib.nullcontext()


def _apart(callback, execution):
    """The callback, or a TensorBoard callback with a folder of its own for each execution."""
    if isinstance(callback, keras.callbacks.TensorBoard):
        callback = copy.copy(callback)
        callback.log_dir = str(pathlib.Path(callback.log_dir) / f"execution{execution}")
    return callback
