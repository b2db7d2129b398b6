"""What `fit` and `evaluate` are given, as Keras takes it: data, weights, callbacks."""

import math

import keras
import numpy as np
import tensorflow as tf


def num_batches(x, batch_size):
    """Batches of an epoch of arrays or a `tf.data.Dataset`; None if that is not known."""
    if isinstance(x, np.ndarray):
        return -(-len(x) // batch_size)
    known = isinstance(x, tf.data.Dataset) and x.cardinality() > 0
    return int(x.cardinality()) if known else None


def leaves(x, sample_weight):
    """Arrays that batches are made of. Targets are not used; weights fill their place."""
    if sample_weight is None:
        return (x,)
    if len(sample_weight) != len(x):
        raise ValueError(
            "`sample_weight` must have a weight for each example. "
            f"Received: {len(sample_weight)} weights for {len(x)} examples"
        )
    return x, sample_weight, sample_weight


def as_list(callbacks):
    """Keras takes one callback, several, or a `CallbackList`."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks.callbacks
    return [] if callbacks is None else keras.tree.flatten(callbacks)


def split(x, y, sample_weight, validation_split):
    """Training and validation data, the latter the last part of the examples as in Keras."""
    at = math.floor(len(x) * (1.0 - validation_split))
    if not 0 < at < len(x):
        raise ValueError(
            "`validation_split` must leave examples to train on and to validate on. "
            f"Received: validation_split={validation_split}, {len(x)} examples"
        )
    arrays = [None if array is None else np.asarray(array) for array in (x, y, sample_weight)]
    parts = (slice(None, at), slice(at, None))
    return [tuple(None if a is None else a[part] for a in arrays) for part in parts]


def wants_every_batch(callback):
    """Whether a callback does something after each step, so that S must be 1."""
    for name in ("save_freq", "update_freq"):  # of ModelCheckpoint, TensorBoard and the like
        if isinstance(getattr(callback, name, None), int):
            return getattr(callback, name) != 0
    if isinstance(callback, keras.callbacks.LambdaCallback):
        return True
    hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    base = keras.callbacks.Callback
    # KerasTuner's own callback has these hooks, but they do nothing.
    return not type(callback).__module__.startswith(("keras.", "keras_tuner.", "air_tf.")) and any(
        getattr(type(callback), hook) is not getattr(base, hook) for hook in hooks
    )
