"""The mean loss of an epoch, and since when it is not finite."""

import keras
import tensorflow as tf


class LossTracker(keras.metrics.Mean):
    """`keras.metrics.Mean` that counts the updates, and those before the first that is not finite.

    Over replicas both counts are sums.
    """

    def __init__(self, name):
        super().__init__(name)
        options = {"shape": (), "initializer": "zeros", "dtype": "float32"}
        self.updates = self.add_variable(name="updates", **options)
        self.finite_updates = self.add_variable(name="finite_updates", **options)

    def reset_state(self):
        super().reset_state()
        for count in (self.updates, self.finite_updates):  # Keras knows of the mean alone
            count.assign(0.0)

    def update_state(self, values, sample_weight=None):
        super().update_state(values, sample_weight)
        self.updates.assign_add(1.0)
        self.finite_updates.assign_add(tf.cast(tf.math.is_finite(self.total), "float32"))
