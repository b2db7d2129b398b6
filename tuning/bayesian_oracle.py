"""The oracle of a Bayesian search that can be interrupted."""

import keras_tuner
import numpy as np


class BayesianOracle(keras_tuner.oracles.BayesianOptimizationOracle):
    """KerasTuner's, with proposals that depend on the seed and the trials that exist alone.

    KerasTuner's own draws from a random state that it does not save.
    """

    def populate_space(self, trial_id):
        self._random_state = np.random.RandomState(self.seed + len(self.trials))
        return super().populate_space(trial_id)
