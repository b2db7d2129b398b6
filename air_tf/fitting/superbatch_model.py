"""A Keras model that trains many steps in one XLA program."""

import keras

from air_tf import private_keras
from air_tf.fitting.superbatch_trainer import SuperbatchTrainer


@keras.saving.register_keras_serializable(package="air_tf")
class SuperbatchModel(SuperbatchTrainer, keras.Model):
    """`keras.Model` with the trainer of this package; see `SuperbatchTrainer`.

    As in Keras, it is made of inputs and outputs, or subclassed.

    Example:
    >>> inputs = keras.Input((2,))
    >>> model = air_tf.fitting.SuperbatchModel(inputs, keras.layers.Dense(1)(inputs))
    >>> model.compile("sgd", loss="mse")
    >>> history = model.fit(np.ones((40, 2)), np.ones((40, 1)), batch_size=4, verbose=0)
    >>> model.steps_per_execution
    10
    """

    def __new__(cls, *args, **kwargs):
        if cls is SuperbatchModel and private_keras.makes_functional(args, kwargs):
            cls = FunctionalSuperbatchModel
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        functional = private_keras.Functional
        if private_keras.makes_functional(args, kwargs) and not isinstance(self, functional):
            # Keras would change the bases of this class too, under all models that come after.
            _make_functional(type(self))
            functional.__init__(self, *args, **kwargs)
        else:
            super().__init__(*args, **kwargs)


@keras.saving.register_keras_serializable(package="air_tf")
class FunctionalSuperbatchModel(SuperbatchModel, private_keras.Functional):
    """What `SuperbatchModel(inputs, outputs)` makes, as `keras.Model` makes a `Functional`."""


def _make_functional(cls):
    """Gives a subclass the functional base, as Keras does when its `__init__` takes inputs."""
    if cls is SuperbatchModel:
        return FunctionalSuperbatchModel
    if issubclass(cls, SuperbatchModel):
        cls.__bases__ = tuple(map(_make_functional, cls.__bases__))
    return cls
