"""The oracle of a Bayesian search that can be interrupted."""

import keras_tuner

from tuning import private_keras_tuner


class BayesianOracle(keras_tuner.oracles.BayesianOptimizationOracle):
    """Proposes trials that depend on nothing but the seed and the trials that exist.

    KerasTuner's own oracle draws from a random state that it does not save.
    """

    def populate_space(self, trial_id):
        private_keras_tuner.seed_proposals(self, self.seed + len(self.trials))
        return super().populate_space(trial_id)
