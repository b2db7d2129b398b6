"""The oracle of a grid search that can be interrupted."""

import itertools

import keras_tuner


class GridOracle(keras_tuner.Oracle):
    """Chooses every combination of the hyperparameters' values, once.

    The trials that exist say what remains. KerasTuner's own `GridSearchOracle` keeps a list that
    it does not save, and fails when a search resumes (keras-tuner #1055).
    """

    def populate_space(self, trial_id):
        names = [hp.name for hp in self.hyperparameters.space]
        tried = [trial.hyperparameters.values for trial in self.trials.values()]
        for values in itertools.product(*(hp.values for hp in self.hyperparameters.space)):
            candidate = dict(zip(names, values, strict=True))
            if candidate not in tried:
                return {"status": "RUNNING", "values": candidate}
        return {"status": "STOPPED"}
