"""A Keras model that trains many steps in one XLA program."""

import keras

from air_tf.fitting.superbatch_trainer import SuperbatchTrainer


class SuperbatchModel(SuperbatchTrainer, keras.Model):
    """`keras.Model` with the trainer of this package; see `SuperbatchTrainer`.

    Example:
    >>> class Regression(air_tf.fitting.SuperbatchModel):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.dense = keras.layers.Dense(1)
    ...
    ...     def call(self, x):
    ...         return self.dense(x)
    >>> model = Regression()
    >>> model.compile("sgd", loss="mse")
    >>> history = model.fit(np.ones((40, 2)), np.ones((40, 1)), batch_size=4, verbose=0)
    >>> model.steps_per_execution
    10
    """
