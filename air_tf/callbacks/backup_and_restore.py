"""Resumes an interrupted `fit` as if nothing had interrupted it."""

import collections
import copy
import itertools
import json
import pathlib
import time
import warnings

import keras
import numpy as np

from air_tf import checked_file, replicated, training_state

_KEPT = 2  # backups: if the last one is damaged, the one before it is used
# Epochs and digest; other files in the folder stay.
_NAME = f"{'[0-9]' * 8}-{'[0-9a-f]' * checked_file.DIGITS}"


class BackupAndRestore(keras.callbacks.Callback):
    """Backs up the state of `fit` after epochs, and resumes from the last backup if there is one.

    If a process is killed and started again, it ends with the same weights as one that ran without
    a stop, bit for bit on one machine. A backup has the weights, the optimizer, the random streams
    and the history. It also has what changed in the other callbacks, such as the best weights and
    the patience of early stopping: attributes that are numbers, texts, lists and dicts of these, or
    lists of arrays. (`keras.callbacks.BackupAndRestore` keeps weights and optimizer only.) The
    order of the data resumes where it was for arrays, and for a `tf.data.Dataset` of known length
    with seeded shuffling.

    A backup is written whole or not at all. A damaged one is skipped with a warning. Backups stay
    when training has ended; delete the folder to start again. If there are several hosts, they must
    share the folder; the first host writes.

    Args:
        directory: folder of the backups, of this training only.
        every_seconds: the least time between two backups; 0 for one after every epoch.

    Raises:
        TypeError: from `fit`, for a model of another library, which it could not restore.
        ValueError: from `fit`, if the folder holds backups of another model, or differs
            between hosts.
        OSError: from `fit`, if a backup cannot be written; the earlier ones stay as they are.

    Example:
    >>> import tempfile
    >>> backup = air_tf.callbacks.BackupAndRestore(tempfile.mkdtemp())
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> model.compile()
    >>> x = air_tf.datasets.load("digits").train
    >>> history = model.fit(x, epochs=2, callbacks=[backup], verbose=0)
    """

    def __init__(self, directory, every_seconds=0.0):
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.every_seconds = every_seconds
        self._others, self._initial, self._restored = {}, None, None

    def set_model(self, model):
        super().set_model(model)
        if not hasattr(model, "steps_before_fit"):
            raise TypeError(
                "This callback is for the models of air_tf; use `keras.callbacks.BackupAndRestore` "
                f"for others. Received: {type(model).__name__}"
            )

    def resume_fit(self, model, callbacks):
        """Sets the model to its last backup; `fit` calls this before anything else.

        Args:
            model: the compiled model.
            callbacks: all callbacks of the `fit`.

        Returns:
            The number of epochs done, 0 without a backup.
        """
        self._others = _named(callback for callback in callbacks if callback is not self)
        self._initial = self._restored = None
        epochs = self._restore_model(model)
        what = f"last backup in {self.directory}"
        replicated.require_same(model.distribute_strategy, epochs, what)
        return epochs

    def _restore_model(self, model):
        for path in reversed(self._paths()):
            arrays = checked_file.read(path)
            if arrays is None:
                warnings.warn(f"The backup {path} is damaged and skipped", stacklevel=3)
                continue
            state = json.loads(str(arrays.pop("state")))
            model.steps_before_fit = state["steps_before_fit"]
            with model.distribute_strategy.scope():
                self._assign(model, arrays, path)
            self._restored = state, arrays
            return state["epochs"]
        return 0

    def on_epoch_begin(self, epoch, logs=None):
        # Here the callbacks have done all that they do at the start of training or after an epoch.
        if self._initial is None:
            initial = {n: _plain_attributes(other) for n, other in self._others.items()}
            self._initial = copy.deepcopy(initial)  # lists and dicts change in place
            self._last = time.monotonic()
            if self._restored is not None:
                self._restore_callbacks(*self._restored)
                self._restored = None  # its arrays are as large as the model
                return
            if epoch == 0:
                return
        if time.monotonic() - self._last >= self.every_seconds:
            if self.model.distribute_strategy.extended.should_checkpoint:
                self._write(epoch)
            self._last = time.monotonic()

    def on_train_end(self, logs=None):
        self._initial = None

    def _write(self, epochs):
        variables = training_state.arrays(self.model)
        arrays = {f"variable{i}": variable for i, variable in enumerate(variables)}
        changes = {}
        for name, callback in self._others.items():
            changes[name] = {}
            for attribute, value in _plain_attributes(callback).items():
                if _is_arrays(value):
                    changes[name][attribute] = len(value)
                    items = enumerate(map(training_state.writable, value))
                    arrays |= {f"{name}.{attribute}.{i}": item for i, item in items}
                elif value != self._initial[name].get(attribute, self):
                    changes[name][attribute] = [value]
        history = self.model.history
        state = {
            "epochs": epochs,
            "steps_before_fit": self.model.steps_before_fit,
            "callbacks": changes,
            "history": {name: list(map(float, values)) for name, values in history.history.items()},
            "history_epochs": history.epoch,
        }
        arrays["state"] = np.array(json.dumps(state, default=_item))
        checked_file.write(self.directory, f"{epochs:08d}", arrays)
        for old in (*self._paths()[:-_KEPT], *self.directory.glob(f"*{_NAME}*.tmp")):
            old.unlink()

    def _paths(self):
        return sorted(self.directory.glob(f"{_NAME}.npz"))

    @staticmethod
    def _assign(model, arrays, path):
        names = map("variable{}".format, itertools.count())
        values = [arrays[name] for name in itertools.takewhile(arrays.__contains__, names)]
        if not training_state.assign(model, values):
            raise ValueError(f"The backup must be of the model that is trained. Received: {path}")

    def _restore_callbacks(self, state, arrays):
        for name, callback in self._others.items():
            for attribute, value in state["callbacks"].get(name, {}).items():
                if isinstance(value, int):
                    value = [[arrays[f"{name}.{attribute}.{i}"] for i in range(value)]]
                setattr(callback, attribute, value[0])
        self.model.history.history.update(state["history"])
        self.model.history.epoch[:] = state["history_epochs"]


def _named(callbacks):
    """{name: callback}: the name has the class, and a number that counts within the class."""
    found = collections.defaultdict(list)
    for callback in callbacks:
        found[type(callback).__name__].append(callback)
    return {f"{name}{i}": other for name, others in found.items() for i, other in enumerate(others)}


def _plain_attributes(callback):
    """The part of a callback's state that can be written."""
    return {
        name: value
        for name, value in vars(callback).items()
        if _is_plain(value) or _is_arrays(value)
    }


def _is_plain(value):
    """Whether JSON can store a value: scalars, texts, None, and lists and dicts of these."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_plain, value.values()))
    return isinstance(value, bool | int | float | str | np.generic | None)


def _is_arrays(value):
    is_list = isinstance(value, list) and bool(value)
    return is_list and all(isinstance(item, np.ndarray) for item in value)


def _item(value):
    return value.item()
