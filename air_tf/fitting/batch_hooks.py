"""Callbacks, as far as they say how many steps an execution may have."""

import keras

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


def wants_every_batch(callback):
    """Whether a callback does something after each batch, so that S must be 1."""
    if isinstance(callback, keras.callbacks.TerminateOnNaN):
        return True
    for name in ("save_freq", "update_freq"):  # of ModelCheckpoint, TensorBoard and the like
        if isinstance(getattr(callback, name, None), int) and getattr(callback, name) > 0:
            return True
    return any(_defines(callback, hook) for hook in _HOOKS)


def _defines(callback, hook):
    if hook in vars(callback):  # of a LambdaCallback
        return True
    owner = next((c for c in type(callback).__mro__ if hook in vars(c)), keras.callbacks.Callback)
    return owner.__module__.partition(".")[0] not in _CONTENT_WITH_EXECUTIONS

