"""Many optimizer steps in one XLA program.

A step of a small autoencoder takes about a millisecond, and calling a compiled program from Python
about as long. Here S batches are stacked to a superbatch `[S, B, ...]` and a loop inside the
program takes the S steps.
"""

import itertools

import keras
import tensorflow as tf


def superbatch_function(step, results, steps_per_execution):
    """Returns a Keras train function that runs up to `steps_per_execution` steps a call.

    The steps are those that single batches would give: each batch once, in order. A batch of
    another size than the ones before (the short last one of an epoch, say) ends a superbatch and
    runs as one of its own. Not for replicas: on them XLA cannot reduce the gradients.

    Args:
        step: function of a batch that updates variables.
        results: function without arguments that returns the logs after the last step.
        steps_per_execution: S ≥ 1.

    Returns:
        Function of an iterator over batches, which raises StopIteration at its end.
    """

    @tf.function(jit_compile=True, reduce_retracing=True)
    def run(superbatch, count):
        def body(i):
            step(keras.tree.map_structure(lambda leaf: leaf[i], superbatch))
            return (i + 1,)

        tf.while_loop(lambda i: i < count, body, [tf.constant(0)])
        return results()

    @tf.function(reduce_retracing=True)
    def fetch(iterator, limit):
        return _fetch(iterator, limit, steps_per_execution)

    def run_one(batch):
        superbatch = keras.tree.map_structure(lambda leaf: tf.convert_to_tensor(leaf)[None], batch)
        return run(superbatch, tf.constant(1))

    def train_function(iterator):
        logs, done = None, 0
        if not isinstance(iterator, tf.data.Iterator):  # batches from Python, as in train_on_batch
            for batch in itertools.islice(iterator, steps_per_execution):
                logs = run_one(batch)
            return logs
        while done < steps_per_execution:
            superbatch, count, tail = fetch(iterator, tf.constant(steps_per_execution - done))
            if count > 0:
                logs = run(superbatch, count)
            if tail.has_value():
                logs = run_one(tail.get_value())
                count += 1
            if count == 0:
                break
            done += int(count)
        if not done:
            raise StopIteration
        return logs

    return train_function


def _fetch(iterator, limit, size):
    """Up to `limit` batches of one size, zero-padded to `size` of them, and one that differs."""
    spec = iterator.element_spec
    leaves = keras.tree.flatten(spec)
    first = iterator.get_next_as_optional()
    arrays = [
        tf.TensorArray(leaf.dtype, size=size, element_shape=leaf.shape, infer_shape=False)
        for leaf in leaves
    ]

    def rows(optional):
        return tf.cond(
            optional.has_value(),
            lambda: tf.shape(keras.tree.flatten(optional.get_value())[0])[0],
            lambda: tf.constant(-1),
        )

    batch_size = rows(first)

    def fits(count, optional, *_):
        return (count < limit) & (rows(optional) == batch_size) & (batch_size >= 0)

    def take(count, optional, *arrays):
        values = keras.tree.flatten(optional.get_value())
        arrays = [array.write(count, value) for array, value in zip(arrays, values, strict=True)]
        following = tf.cond(
            count + 1 < limit,
            iterator.get_next_as_optional,
            lambda: tf.experimental.Optional.empty(spec),
        )
        return count + 1, following, *arrays

    count, tail, *arrays = tf.while_loop(fits, take, [tf.constant(0), first, *arrays])
    padding = size - count

    def stacked(array, leaf):
        taken = tf.cond(
            count > 0,
            lambda: array.gather(tf.range(count)),
            lambda: tf.zeros([0, *(extent or 0 for extent in leaf.shape)], leaf.dtype),
        )
        return tf.pad(taken, [[0, padding]] + [[0, 0]] * leaf.shape.rank)

    superbatch = [stacked(array, leaf) for array, leaf in zip(arrays, leaves, strict=True)]
    return keras.tree.pack_sequence_as(spec, superbatch), count, tail
