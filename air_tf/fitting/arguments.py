"""Arguments of `fit`, `evaluate` and `predict`: data and callbacks as Keras takes them."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from air_tf import private_keras
from air_tf.fitting.progress_bar import ProgressBar

_HOOKS = [
    f"on_{prefix}batch_{moment}"
    for prefix in ("", "train_", "test_")
    for moment in ("begin", "end")
]
# Their batch hooks show progress, or do nothing unless they are asked to.
_CONTENT_WITH_EXECUTIONS = ("air_tf", "keras", "keras_tuner", "tqdm")


def as_list(callbacks):
    """Callbacks as a list, given as Keras takes them: one, several, or a `CallbackList`."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks.callbacks
    return [] if callbacks is None else keras.tree.flatten(callbacks)


def with_progress_bar(callbacks, verbose):
    """Callbacks with our bar, where Keras would add its own."""
    if not verbose or isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    listed = as_list(callbacks)
    has_bar = any(isinstance(callback, keras.callbacks.ProgbarLogger) for callback in listed)
    return listed if has_bar else [*listed, ProgressBar()]


def wants_every_batch(callback):
    """Whether a callback does something after each batch, so that S must be 1."""
    if isinstance(callback, keras.callbacks.TerminateOnNaN):
        return True
    for name in ("save_freq", "update_freq"):  # of ModelCheckpoint, TensorBoard and the like
        if isinstance(getattr(callback, name, None), int) and getattr(callback, name) > 0:
            return True
    return any(_defines(callback, hook) for hook in _HOOKS)


def _defines(callback, hook):
    if hook in getattr(callback, "__dict__", {}):  # of a LambdaCallback
        return True
    owner = next((c for c in type(callback).__mro__ if hook in vars(c)), keras.callbacks.Callback)
    return owner.__module__.partition(".")[0] not in _CONTENT_WITH_EXECUTIONS


def epochs_done(model, callbacks):
    """The epochs that are done, as the callbacks that resume a training say; 0 without one."""
    resuming = [callback for callback in callbacks if hasattr(callback, "resume_fit")]
    return max((callback.resume_fit(model, callbacks) for callback in resuming), default=0)


def require_an_end(x, steps):
    """Raises ValueError for data that never ends, without a number of steps."""
    if isinstance(x, keras.utils.PyDataset):
        endless = x.num_batches is None
    else:
        is_dataset = isinstance(x, tf.data.Dataset)
        endless = is_dataset and x.cardinality() == tf.data.INFINITE_CARDINALITY
    if endless and steps is None:
        raise ValueError(
            "Endless data needs a number of steps: `steps_per_epoch` and `validation_steps` of "
            f"`fit`, `steps` of `evaluate` and `predict`. Received: {x}, without one"
        )


def as_array(x):
    """Returns rows of numbers, and what NumPy can make an array of, as an array; all else as is."""
    if isinstance(x, list):
        return x if private_keras.are_arrays(x) else np.asarray(x)
    return np.asarray(x) if hasattr(x, "__array__") and not hasattr(x, "shape") else x


def targets(y, sample_weight, class_weight, needed):
    """Returns the targets for Keras, which drops weights where there are none.

    Args:
        y: targets or None.
        sample_weight: weights or None.
        class_weight: {class: weight} or None.
        needed: whether a step uses targets. If not, the weights stand in for them.

    Raises:
        ValueError: for class weights without targets.
    """
    if y is None and class_weight is not None:
        raise ValueError(f"`class_weight` needs the classes y. Received: y=None, {class_weight=}")
    is_text = isinstance(y, np.ndarray) and y.dtype.kind in "OSU"
    if is_text and not needed and class_weight is None:
        y = None  # Keras takes no text, not even where it is not used
    if y is not None or sample_weight is None:
        return y
    if needed:
        warnings.warn(
            "Keras does not use `sample_weight` without `y`. Received: y=None", stacklevel=4
        )
        return None
    return sample_weight


def warn_of_missing_columns(callbacks, validation_freq, names):
    """Warns of metrics that `keras.callbacks.CSVLogger` would leave out.

    It takes its columns from the first epoch: those of validation are those of training.

    Args:
        callbacks: list of callbacks.
        validation_freq: of `fit`.
        names: metrics that only validation has.
    """
    if not names or validation_freq == 1 or 1 in np.ravel(validation_freq):
        return
    if any(isinstance(callback, keras.callbacks.CSVLogger) for callback in callbacks):
        columns = ", ".join(f"`val_{name}`" for name in names)
        warnings.warn(
            f"`CSVLogger` has no column for {columns} unless the first epoch is validated. "
            f"Received: validation_freq={validation_freq}",
            stacklevel=3,
        )
