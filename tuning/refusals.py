"""What a search over an `AIRHyperModel` does not do: each is said in one sentence.

The errors are KerasTuner's `FatalValueError`, a ValueError, with which a search ends.
"""

import warnings

import keras_tuner
from keras_tuner import errors

import air_tf


def objective(given, expected):
    """Refuses another objective than that of the hypermodel.

    Args:
        given: what a user takes for it: an `Objective`, its name, or None.
        expected: the `Objective` of the hypermodel.
    """
    if given is not None and str(given) not in (expected.name, str(expected)):
        raise errors.FatalValueError(
            f"The objective must be that by which trials stop, {expected}. Received: {given}"
        )


def data(args, names):
    """Refuses arguments of `search`, and options of these names: a config says what they would."""
    if args or names:
        raise errors.FatalValueError(
            "`search` takes `callbacks` and `verbose` alone; the TrainConfig of the AIRHyperModel "
            f"says the data, the epochs and the rest. Received: {len(args)} positional arguments "
            f"and {sorted(names)}"
        )


def tuner(given):
    """Warns of a tuner of KerasTuner that could not go on after an interrupt; None is no tuner."""
    if isinstance(given, keras_tuner.GridSearch):
        warnings.warn(
            "keras_tuner.GridSearch cannot resume a search that is killed (keras-tuner #1055); "
            "tuning.GridSearch can",
            stacklevel=2,
        )


def missing(expected, history):
    """Refuses a training whose logs do not have the objective."""
    if not expected.has_value(history.history):
        raise errors.FatalValueError(
            f"The logs must have the objective, {expected}: give `search` `validation_data`. "
            f"Received: {sorted(history.history)}"
        )


def built(model):
    """Refuses what a `build` function returned unless it is a model of this library."""
    if not isinstance(model, air_tf.VariationalAutoencoder):
        raise errors.FatalValueError(
            "`build` must return an air_tf.VariationalAutoencoder. "
            f"Received: {type(model).__name__}"
        )


def same_seed(execution, first, seed):
    """Refuses an execution that would repeat the numbers of the first one of its trial."""
    if execution > 0 and seed is not None and seed == first:
        raise errors.FatalValueError(
            "Executions of a trial must have models of different seeds: let `build` take an "
            f"argument `seed` for its model, or give the model none. Received: seed={seed}"
        )
