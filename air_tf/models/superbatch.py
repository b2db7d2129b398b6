"""Many optimizer steps in one XLA program.

A step of a small autoencoder takes about a millisecond, and calling a compiled program from Python
about as long. Here S batches are stacked to a superbatch `[S, B, ...]` and a loop inside the
program takes the S steps. Elements of the pipelines below are {"batches": leaves [S', B, ...],
"sizes": [S']} with S' ≤ S; a batch with fewer than B examples is filled up with zeros, which the
train function cuts off again.
"""

import itertools

import keras
import tensorflow as tf

from air_tf.program import program


def from_arrays(arrays, batch_size, steps, shuffle, seed, first_epoch):
    """Superbatches of arrays, or batches of them, epoch after epoch without end.

    The order of an epoch is a function of the seed and of the epoch's number alone, so that an
    interrupted run can go on as if it had not been.

    Args:
        arrays: tuple of arrays `[N, ...]`.
        batch_size: B.
        steps: S; if None, the elements are the batches themselves.
        shuffle: whether each epoch has an order of its own.
        seed: pair of ints.
        first_epoch: number of the first epoch.
    """
    arrays = [tf.convert_to_tensor(array) for array in arrays]
    n = len(arrays[0])
    span = batch_size * (steps or 1)
    starts = tf.data.Dataset.range(0, n, span)

    @tf.autograph.experimental.do_not_convert  # converting takes longer than tracing
    def epoch(number):
        order = tf.range(n)
        if shuffle:
            key = tf.random.experimental.stateless_fold_in(seed, number)
            order = tf.random.experimental.stateless_shuffle(order, key)
        return starts.map(lambda start: gather(order[start : start + span]))

    @tf.autograph.experimental.do_not_convert
    def gather(rows):
        if steps is None:
            return tuple(tf.gather(array, rows) for array in arrays)
        count = tf.size(rows)
        num_batches = -(-count // batch_size)
        padding = num_batches * batch_size - count

        def stacked(array):
            taken = tf.pad(tf.gather(array, rows), [[0, padding]] + [[0, 0]] * (array.ndim - 1))
            return tf.reshape(taken, [num_batches, batch_size, *array.shape[1:]])

        sizes = tf.minimum(batch_size, count - batch_size * tf.range(num_batches))
        return {"batches": tuple(map(stacked, arrays)), "sizes": sizes}

    numbers = tf.data.Dataset.range(first_epoch, tf.int64.max)  # a counter would be traced
    return prefetched(numbers.flat_map(epoch))


def from_dataset(dataset, steps):
    """Superbatches of the batches of a `tf.data.Dataset`."""

    def with_size(*batch):
        return {"batches": batch, "sizes": tf.shape(keras.tree.flatten(batch)[0])[0]}

    return prefetched(dataset.map(with_size).padded_batch(steps))


def prefetched(dataset):
    """The dataset, prefetched and without tf.data's autotuner.

    While a pipeline with the autotuner lives, XLA was seen to work with one thread less.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(2).with_options(options)


def train_function(strategy, step, results, steps):
    """Returns a Keras train function over superbatches, or over batches as they are.

    The steps are those that single batches would give: each batch once, in order, and with its own
    number of examples. Not for replicas: XLA cannot reduce gradients over them.

    Args:
        strategy: the `tf.distribute.Strategy`, of one replica.
        step: function of a batch that updates variables.
        results: function without arguments that returns the logs after the last step.
        steps: S ≥ 1, the most steps in a call.

    Returns:
        Function of an iterator, which raises StopIteration at its end.
    """

    def without_logs(batch):
        step(batch)

    def run_batches(batches, first, end):
        def body(i):
            strategy.run(without_logs, (_map_leaves(lambda leaf: leaf[i], batches),))
            return (i + 1,)

        tf.while_loop(lambda i: i < end, body, [first])
        return results()

    # One trace a shape: a trace for any batch size would be compiled anew for each all the same.
    run = program(run_batches, jit_compile=True)

    def run_superbatch(batches, sizes):
        logs, first = None, 0
        if len(sizes) < steps:  # one program for all, however many batches the last one has
            batches = _map_leaves(lambda leaf: _padded(leaf, steps), batches)
        largest = keras.tree.flatten(batches)[0].shape[1]
        for size, group in itertools.groupby(sizes):
            end = first + len(list(group))
            fitting = batches
            if size < largest:
                fitting = _map_leaves(lambda leaf, a=first, b=end, s=size: leaf[a:b, :s], batches)
                logs = run(fitting, tf.constant(0), tf.constant(end - first))
            else:
                logs = run(fitting, tf.constant(first), tf.constant(end))
            first = end
        return logs

    def function(iterator):
        logs = None
        for element in itertools.islice(iterator, steps):
            if isinstance(element, dict) and "sizes" in element:
                return run_superbatch(element["batches"], element["sizes"].numpy().tolist())
            batch = _map_leaves(lambda leaf: tf.convert_to_tensor(leaf)[None], element)
            logs = run(batch, tf.constant(0), tf.constant(1))
        if logs is None:
            raise StopIteration
        return logs

    return function


def _padded(leaf, steps):
    return tf.pad(leaf, [[0, steps - leaf.shape[0]]] + [[0, 0]] * (leaf.shape.rank - 1))


def _map_leaves(function, batch):
    """Maps the tensors of a batch; targets and weights that are not given stay None."""
    return keras.tree.map_structure(lambda leaf: None if leaf is None else function(leaf), batch)
