"""Every name of Keras that its documentation does not have, under names of ours.

Keras may change these with any release: setup.py bounds its version, and
tests/test_private_keras.py fails if one of them no longer does what is needed here.
"""

import concurrent.futures

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow.trainer import TensorFlowTrainer, TFEpochIterator
from keras.src.models.functional import Functional as Functional
from keras.src.models.model import functional_init_arguments
from keras.src.trainers.data_adapters import array_data_adapter, array_slicing
from keras.src.trainers.trainer import model_supports_jit


class BackendTrainer(TensorFlowTrainer):
    """Keras's trainer for TensorFlow, with three of its hooks under public names."""

    def prepare_epochs(self, epochs):
        """Called by `fit` and `evaluate` with their `Epochs`, before the first one."""

    def compiles_to_xla(self):
        """Whether `jit_compile="auto"` of `compile` means XLA."""
        return super()._resolve_auto_jit_compile()

    def require_compiled(self, method):
        """Raises ValueError if the model is not compiled, for a method of a name."""
        self._assert_compile_called(method)

    def _resolve_auto_jit_compile(self):
        return self.compiles_to_xla()

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        if not self.built:
            super()._maybe_symbolic_build(iterator, data_batch)
        elif self.optimizer is not None and not self.optimizer.built:
            # Keras would average a batch over the replicas first, which fails for several hosts.
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)
        if iterator is not None and not isinstance(iterator, Epochs):
            iterator.__class__ = Epochs
            self.prepare_epochs(iterator)


class Epochs(TFEpochIterator):
    """What `fit` and `evaluate` iterate over, in executions that are as long as they should be.

    Keras counts and takes S batches an execution even where fewer are left of the steps of an
    epoch. Here an execution has the batches that are left, at most S. It is a list of batches, or
    what `replace_data` brought, and empty at the end of the data.

    Attributes:
        steps_per_execution: S.
        check: function of a batch that raises an error if it is unfit.
        most_bytes: size of its batches after which an execution gets no further one.
        is_full: whether indices of batches are those of full executions, as in Keras.
        reads_ahead: whether batches are taken in another thread while an execution runs.
        skipped: epochs whose batches are taken and left before the first one.
    """

    check = staticmethod(lambda batch: None)
    most_bytes = float("inf")
    is_full = True
    reads_ahead = False
    skipped = 0
    _end = None

    def arrays(self):
        """The dense arrays x or (x, y, ...) that batches are made of; None for other data."""
        adapter = self.data_adapter
        return adapter.arrays if isinstance(adapter, ArrayAdapter) else None

    @property
    def array_options(self):
        """`batch_size` and `shuffle` of arrays."""
        return {"batch_size": self.data_adapter._batch_size, "shuffle": self.data_adapter._shuffle}

    def replace_data(self, batches):
        """Takes the batches from another iterable, of as many batches a pass.

        Its iterators may have a method `take(most, most_bytes)` that gives the next batches at
        once, as anything that has a length: that is faster than one by one.
        """
        self._distributed_dataset = batches

    def without_autotuner(self):
        """Stops tf.data's autotuner: while it lives, XLA was seen to work with one thread less."""
        if isinstance(self._distributed_dataset, tf.data.Dataset):
            options = tf.data.Options()
            options.autotune.enabled = False
            self._distributed_dataset = self._distributed_dataset.with_options(options)

    def __iter__(self):
        skipped, self.skipped = self.skipped, 0
        for _ in range(skipped):
            with self.catch_stop_iteration():
                for _, _, batches in self._enumerate_iterator():
                    if not batches:
                        raise StopIteration
        return super().__iter__()

    def _enumerate_iterator(self):
        self.data_adapter.on_epoch_begin()
        steps = self.steps_per_epoch or self._num_batches
        if not steps or steps < 0:
            steps = None  # Keras takes all batches, and says that there are no more
        if self._current_iterator is None or steps is None or self.steps_per_epoch is None:
            self._current_iterator = iter(self._get_iterator())
            self._steps_seen = 0
        left = self._num_batches - self._steps_seen if self._num_batches else steps
        step = 0
        for batches in self._executions(steps if steps is None else min(steps, left)):
            taken = max(len(batches), 1)  # Keras counts the one that is not there
            self._steps_seen += taken
            length = self.steps_per_execution if self.is_full else taken
            yield step, step + length - 1, batches
            step += length
        if steps is not None and steps > left:
            self._interrupted_warning()
        if self._num_batches and self._steps_seen >= self._num_batches:
            self._current_iterator = iter(self._get_iterator())
            self._steps_seen = 0
        self.data_adapter.on_epoch_end()

    def _executions(self, left):
        """Lists of the next batches, `left` in all; empty ones without end after the data's end.

        The batches of an execution are taken while the one before runs, but never those of another
        epoch, and none at all with S = 1: there, Keras takes a batch after the callbacks before it.
        """
        most = self.steps_per_execution
        if most == 1 or not self.reads_ahead or (left is not None and left <= most):
            while left is None or left > 0:
                batches = self._taken(most if left is None else min(most, left))
                left = left and left - max(len(batches), 1)
                yield batches
            return
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            future = thread.submit(self._taken, most)
            while future is not None:
                batches, future = future.result(), None
                left = left and left - max(len(batches), 1)
                if left is None or left > 0:
                    future = thread.submit(self._taken, most if left is None else min(most, left))
                yield batches

    def _taken(self, most):
        """The next batches. What ends them after the first one is left to the next call."""
        if hasattr(self._current_iterator, "take"):
            return self._current_iterator.take(most, self.most_bytes)
        end, self._end = self._end, None
        batches, size = [], 0
        try:
            if end is not None:
                raise end
            for _ in range(most):
                batch = without_optionals(next(self._current_iterator))
                self.check(batch)
                batches.append(batch)
                size += _num_bytes(batch)
                if size >= self.most_bytes:
                    break
        except Exception as error:
            if batches:
                self._end = error
            elif not isinstance(error, StopIteration | tf.errors.OutOfRangeError):
                raise
        return batches


class ArrayAdapter(array_data_adapter.ArrayDataAdapter):
    """Arrays as `fit` and `evaluate` of Keras take them in place of x, y and weights.

    Keras's own adapter makes a tf.data pipeline, which takes as long as an epoch of small data, and
    for which `Epochs.replace_data` has a substitute.

    Args:
        keeps_pipeline: whether Keras needs its pipeline, as to build a model of a batch.
        steps: steps of an epoch, or None.
        **options: other arguments of Keras's adapter.

    Attributes:
        arrays: dense arrays x or (x, y, ...); None for others, which need Keras's pipeline.
    """

    def __init__(self, *, keeps_pipeline, steps=None, **options):
        most = keras.config.max_steps_per_epoch()  # of a run that searches for errors
        super().__init__(steps=min(steps or most, most) if most else steps, **options)
        arrays = array_slicing.convert_to_sliceable(self._inputs, target_backend="tensorflow")
        dense = (np.ndarray, tf.Tensor, type(None))
        is_dense = all(isinstance(leaf, dense) for leaf in keras.tree.flatten(arrays))
        self.arrays = keras.tree.lists_to_tuples(arrays) if is_dense else None
        self._keeps_pipeline = keeps_pipeline or not is_dense

    def get_tf_dataset(self):
        return super().get_tf_dataset() if self._keeps_pipeline else tf.data.Dataset.range(0)


def split_for_validation(arrays, fraction):
    """Two structures of arrays as `fit` splits them: for training, and the last for validation."""
    return array_slicing.train_validation_split(arrays, fraction)


def _num_bytes(batch):
    leaves = [leaf for leaf in keras.tree.flatten(batch) if isinstance(leaf, tf.Tensor)]
    return sum(leaf.dtype.size * leaf.shape.num_elements() for leaf in leaves)


def makes_functional(args, kwargs):
    """Whether the arguments of a model's `__init__` are the inputs and outputs of a graph."""
    return functional_init_arguments(args, kwargs)


def is_validation(options):
    """Whether `fit` itself has called `evaluate`, by the options that are not documented."""
    return options.get("_use_cached_eval_dataset", False)


def without_optionals(batch):
    """A batch with None for what a generator left out, for which Keras has an empty optional."""
    return keras.tree.map_structure(
        lambda leaf: None if isinstance(leaf, tf.experimental.Optional) else leaf, batch
    )


def are_arrays(data):
    """Whether Keras takes data, or a structure of them, as arrays."""
    return array_data_adapter.can_convert_arrays(data)


def supports_xla(model):
    """Whether all layers of a model can be compiled by XLA."""
    return model_supports_jit(model)


def all_layers(model):
    """A model and all layers in it, at any depth."""
    return model._flatten_layers()
