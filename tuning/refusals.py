"""What a search over an `AIRHyperModel` does not do: each is said in one sentence.

The errors are KerasTuner's `FatalValueError`, a ValueError, with which a search ends.
"""

import warnings

import keras_tuner
from keras_tuner import errors


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


def tuner(given, expected_objective):
    """Refuses a tuner of KerasTuner whose search would not be what it says; None is no tuner."""
    if given is None:
        return
    objective(given.oracle.objective, expected_objective)
    name = type(given).__name__
    if given.executions_per_trial > 1:
        raise errors.FatalValueError(
            "KerasTuner's own tuners would train each execution with the same seed; take "
            f"tuning.{name}, or one execution. "
            f"Received: executions_per_trial={given.executions_per_trial}"
        )
    if isinstance(given, keras_tuner.GridSearch):
        warnings.warn(
            "keras_tuner.GridSearch cannot resume a search that is killed (keras-tuner #1055); "
            "tuning.GridSearch can",
            stacklevel=2,
        )
