"""What the tuners of this package add to those of KerasTuner."""

import contextlib
import pathlib

import keras_tuner

from air_tf import checks
from trainers import locks
from tuning import executions, private_keras_tuner, refusals
from tuning.air_hyper_model import AIRHyperModel


class ResumableTuner(keras_tuner.Tuner):
    """Base of the tuners over an `AIRHyperModel`: the same script resumes a search that was killed.

    Each execution of a trial has a seed of its own and leaves a record. It resumes from its last
    backup, and what is on record is not done again. A trial that diverges has failed. Any other
    error ends the search: mend what is wrong, and the same script resumes that trial.

    Args:
        hypermodel: an `AIRHyperModel`.
        objective: that of the hypermodel, or its name, or None.
        directory, project_name, overwrite: as in KerasTuner; the folder is a local one.
        executions_per_trial: seeds, from that of the hypermodel on; the score of a trial is their
            mean.
        seed: of the choice of trials; that of the hypermodel if None.
        **options: of the oracle, as in KerasTuner.

    Raises:
        ValueError: for an unfit hypermodel or objective; for a folder that is not local, is damaged
            or has another process at work; from `search` for arguments that the hypermodel does
            not take.
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
        if "://" in str(directory):
            raise ValueError(f"`directory` must be a local folder. Received: {directory}")
        self._num_executions = checks.positive_int("executions_per_trial", executions_per_trial)
        seed = hypermodel.seed if seed is None else seed
        # KerasTuner takes a seed of 0 for none. One trial that diverges says nothing of the others.
        options = {"seed": seed + 1, "max_consecutive_failed_trials": 10**9, **options}
        refusals.objective(objective, hypermodel.objective)
        oracle = self.oracle_class(objective=hypermodel.objective, **options)
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
        self.hypermodel.check_search(args, options.keys() - {"verbose"})
        with self._alone(), private_keras_tuner.whole_files():
            # Another process may have been at work here, or an interrupt have left a trial.
            if private_keras_tuner.holds_oracle() and private_keras_tuner.recover(self._folder):
                self.reload()
            super().search(*args, callbacks=list(callbacks), **options)

    def reload(self):
        if private_keras_tuner.holds_oracle():
            self.oracle.trials = private_keras_tuner.read_trials(self._folder)
        super().reload()
        if private_keras_tuner.holds_oracle():  # the script may ask for other values than before
            self.oracle.hyperparameters = keras_tuner.HyperParameters()
            self.hypermodel.values_for(self.oracle.hyperparameters)

    def run_trial(self, trial, *args, callbacks=(), **options):
        def train_once(**more):
            return super(ResumableTuner, self).run_trial(trial, *args, **options, **more)

        path = pathlib.Path(self.get_trial_dir(trial.trial_id))
        freq = options.get("validation_freq", self.hypermodel.validation_freq)
        records = executions.run(
            self.hypermodel, trial, path, self._num_executions, callbacks, freq, train_once
        )
        monitor = self.oracle.objective.name
        return [{monitor: record[monitor]} for record in records]

    def _alone(self):
        """Keeps other processes off the folder; workers share it with their chief."""
        alone = private_keras_tuner.holds_oracle()
        return locks.locked(self._folder) if alone else contextlib.nullcontext()
