"""The oracle of a grid search that can be interrupted."""

import itertools

import keras_tuner
from keras_tuner.engine import trial as trial_module


class GridOracle(keras_tuner.Oracle):
    """Every combination of the hyperparameters' values, once.

    What remains follows from the trials that exist. KerasTuner's own `GridSearchOracle` keeps a
    list of its own that it does not save, and fails when a search is resumed.
    """

    def populate_space(self, trial_id):
        names = [hp.name for hp in self.hyperparameters.space]
        tried = [trial.hyperparameters.values for trial in self.trials.values()]
        for values in itertools.product(*(hp.values for hp in self.hyperparameters.space)):
            candidate = dict(zip(names, values, strict=True))
            if candidate not in tried:
                return {"status": trial_module.TrialStatus.RUNNING, "values": candidate}
        return {"status": trial_module.TrialStatus.STOPPED}
