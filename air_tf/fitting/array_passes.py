"""Arrays, pass after pass, in orders that can be had again."""

import itertools
import math

import keras
import numpy as np
import tensorflow as tf


class ArrayPasses:
    """The batches of arrays `[N, ...]`; each `iter` is a pass, in an order of its own.

    The order is a function of the seed and of the pass's number alone, so that an interrupted
    training can resume. A pass has its number from when its first batch is taken.

    Args:
        arrays: structure of arrays or tensors `[N, ...]`, and None.
        batch_size: B; the last batch of a pass may have fewer examples.
        shuffle: whether examples are shuffled; with "batch" only those of a batch.
        seed: pair of ints.
        first: number of the first pass.
    """

    def __init__(self, arrays, batch_size, shuffle, seed=(0, 0), first=0):
        with tf.device("CPU"):  # they may be larger than the memory of a GPU
            self._arrays = _mapped(tf.convert_to_tensor, arrays)
        self._size = next(len(a) for a in keras.tree.flatten(self._arrays) if a is not None)
        self._batch_size, self._shuffle, self._seed = batch_size, shuffle, seed
        self._first, self._numbers = first, itertools.count(first)

    def __iter__(self):
        return _Pass(self._arrays, self._batch_size, self._next_order)

    def over_replicas(self, strategy):
        """The same passes as an iterable over the replicas of a strategy."""
        starts = tf.data.Dataset.range(0, self._size, self._batch_size)

        @tf.autograph.experimental.do_not_convert  # converting takes longer than tracing
        def one_pass(number):
            rows = self._order(number)
            return starts.map(
                lambda start: _gathered(self._arrays, rows[start : start + self._batch_size])
            )

        numbers = tf.data.Dataset.range(self._first, tf.int64.max)
        batches = strategy.experimental_distribute_dataset(numbers.flat_map(one_pass).prefetch(2))
        return _Restarting(iter(batches))

    def _next_order(self):
        return self._order(next(self._numbers)).numpy()

    def _order(self, number):
        rows = tf.range(self._size)
        if not self._shuffle:
            return rows
        number = tf.cast(number, tf.int64)  # another type would give another order
        key = tf.random.experimental.stateless_fold_in(self._seed, number)
        if self._shuffle == "batch":
            places = tf.random.stateless_uniform([self._size], key, dtype=tf.float64)
            return tf.argsort(tf.cast(rows // self._batch_size, tf.float64) + places)
        return tf.random.experimental.stateless_shuffle(rows, key)


class _Pass:
    """What is left of a pass: see `private_keras.Epochs.replace_data`."""

    def __init__(self, arrays, batch_size, order):
        self._arrays, self._batch_size, self._order = arrays, batch_size, order
        self._rows = None

    def __next__(self):
        for batch in self.take(1, math.inf):
            return batch
        raise StopIteration

    def take(self, most, most_bytes):
        """The next batches: at most `most`, and none after those that have `most_bytes`."""
        if self._rows is None:
            self._rows = self._order()
        row_bytes = sum(
            array.dtype.size * math.prod(array.shape[1:])
            for array in keras.tree.flatten(self._arrays)
            if array is not None
        )
        enough = most_bytes / max(1, row_bytes * self._batch_size)
        end = max(1, math.ceil(min(most, enough))) * self._batch_size
        rows, self._rows = self._rows[:end], self._rows[end:]
        return ArrayBatches(self._arrays, self._batch_size, rows)


class ArrayBatches:
    """Batches that are rows of arrays, one after the other or, faster, all at once.

    Args:
        arrays: structure of tensors `[N, ...]`, and None.
        batch_size: B; the last batch may have fewer examples.
        rows: indices `[n]`.
    """

    def __init__(self, arrays, batch_size, rows):
        self.arrays, self._batch_size, self._rows = arrays, batch_size, rows

    def __len__(self):
        return math.ceil(len(self._rows) / self._batch_size)

    def __iter__(self):
        for start in range(0, len(self._rows), self._batch_size):
            yield _gathered(self.arrays, self._rows[start : start + self._batch_size])

    def superbatches(self):
        """The full batches as arrays `[S, B, ...]`, and a smaller one as `[1, b, ...]`."""
        full = len(self._rows) // self._batch_size * self._batch_size
        parts = self._rows[:full].reshape(-1, self._batch_size), self._rows[np.newaxis, full:]
        return [_gathered(self.arrays, rows) for rows in parts if rows.size]


class _Restarting:
    """Passes that follow each other in one iterator, each of which is taken to its end."""

    def __init__(self, iterator):
        self._iterator = iterator

    def __iter__(self):
        return self._iterator


def _gathered(arrays, rows):
    with tf.device("CPU"):
        return _mapped(lambda array: tf.gather(array, rows), arrays)


def _mapped(function, structure):
    return keras.tree.map_structure(lambda a: None if a is None else function(a), structure)
