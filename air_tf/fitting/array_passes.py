"""Arrays, pass after pass, in orders that can be had again."""

import itertools

import keras
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
        rows = self._order(next(self._numbers)).numpy()
        for start in range(0, self._size, self._batch_size):
            yield self._batch(rows[start : start + self._batch_size])

    def over_replicas(self, strategy):
        """The same passes as an iterable over the replicas of a strategy."""
        starts = tf.data.Dataset.range(0, self._size, self._batch_size)

        @tf.autograph.experimental.do_not_convert  # converting takes longer than tracing
        def one_pass(number):
            rows = self._order(number)
            return starts.map(lambda start: self._batch(rows[start : start + self._batch_size]))

        numbers = tf.data.Dataset.range(self._first, tf.int64.max)
        batches = strategy.experimental_distribute_dataset(numbers.flat_map(one_pass).prefetch(2))
        return _Restarting(iter(batches))

    def _batch(self, rows):
        return _mapped(lambda array: tf.gather(array, rows), self._arrays)

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


class _Restarting:
    """Passes that follow each other in one iterator, each of which is taken to its end."""

    def __init__(self, iterator):
        self._iterator = iterator

    def __iter__(self):
        return self._iterator


def _mapped(function, structure):
    return keras.tree.map_structure(lambda a: None if a is None else function(a), structure)
