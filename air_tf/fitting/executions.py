"""Executions: functions that take the steps of several batches.

Each is a function of batches, a list or `ArrayBatches`, that returns the logs of the last step.
"""

import itertools
import warnings

import keras
import numpy as np
import tensorflow as tf

from air_tf.fitting.array_passes import ArrayBatches
from air_tf.program import program


def in_one_program(strategy, step):
    """The steps of all batches in one XLA program.

    A step of a small model takes about a millisecond, and so does a call of a compiled program
    from Python. Here the batches of one shape are stacked to a superbatch `[S, B, ...]`, and a loop
    inside the program takes the steps. They are those that single batches would give, in order.

    Args:
        strategy: the `tf.distribute.Strategy`, of one replica: XLA cannot reduce over several.
        step: function of a batch that updates variables and returns logs.
    """

    def on_replica(batch):
        return _of_one_replica(strategy, strategy.run(step, (batch,)))

    def run(superbatch, num_steps):
        one_step = program(on_replica)  # traced once, for both uses
        first = one_step.get_concrete_function(_at(superbatch, 0)).structured_outputs
        logs = keras.tree.map_structure(lambda log: tf.zeros(log.shape, log.dtype), first)
        loop = tf.while_loop(
            lambda i, _: i < num_steps,
            lambda i, _: (i + 1, one_step(_at(superbatch, i))),
            [0, logs],
        )
        return loop[1]

    run = program(run, jit_compile=True)
    lengths = {}  # of the superbatches so far, by the shapes of a batch

    def execute(batches):
        for superbatch in _superbatches(batches):
            leaves = [leaf for leaf in keras.tree.flatten(superbatch) if leaf is not None]
            count = len(leaves[0])
            if count > 1:  # a program for the longest superbatch serves the shorter ones
                shapes = tuple((leaf.shape[1:], leaf.dtype) for leaf in leaves)
                lengths[shapes] = max(count, lengths.get(shapes, 1))
                superbatch = _padded(superbatch, lengths[shapes] - count)
            logs = run(superbatch, tf.constant(count))
        return logs

    return execute


def one_by_one(strategy, step, results, compiled=True):
    """The steps without XLA, over the replicas of a strategy, on one host or on several.

    Args:
        strategy: the `tf.distribute.Strategy`.
        step: function of a replica's part of a batch that updates variables and returns logs.
        results: function without arguments that returns {name: value} of metrics over all replicas.
        compiled: whether the step is a `tf.function`.
    """

    def run(batch):
        logs = strategy.run(step, (batch,))
        if strategy.num_replicas_in_sync == 1:
            return _of_one_replica(strategy, logs)
        # With an axis, as Keras calls it, this fails for the scalars of several hosts.
        return keras.tree.map_structure(lambda v: strategy.reduce("MEAN", v, axis=None), logs)

    if compiled:
        run = program(run)

    def execute(batches):
        for batch in batches:
            logs = run(batch)
        if strategy.num_replicas_in_sync > 1 and isinstance(logs, dict):
            # The mean over replicas of a metric's values is no metric over all examples.
            logs |= {name: value for name, value in results().items() if name in logs}
        return logs

    return execute


def prediction(step):
    """The outputs of all batches, joined, each by one XLA program."""
    run = program(step, jit_compile=True)

    def predict(batches):
        outputs = [run(batch) for batch in batches]
        if len(outputs) == 1:
            return outputs[0]
        return keras.tree.map_structure(lambda *parts: tf.concat(parts, axis=0), *outputs)

    return predict


def in_one_program_if_fit(strategy, step, results, insists):
    """As `in_one_program`, except for batches that XLA does not take: they go one by one.

    Args:
        strategy, step, results: as of `one_by_one`.
        insists: whether to warn of such batches.
    """
    at_once = in_one_program(strategy, step)
    in_turn = one_by_one(strategy, step, results)

    def execute(batches):
        given = batches.arrays if isinstance(batches, ArrayBatches) else batches
        if _fits_xla(given):
            return at_once(batches)
        if insists:
            warnings.warn(
                "XLA takes dense numbers alone; these steps run without it. "
                f"Received: {keras.tree.map_structure(type, next(iter(batches)))}",
                stacklevel=2,
            )
        return in_turn(batches)

    return execute


def _of_one_replica(strategy, logs):
    return keras.tree.map_structure(lambda v: strategy.experimental_local_results(v)[0], logs)


def _fits_xla(structure):
    for leaf in keras.tree.flatten(structure):
        if isinstance(leaf, tf.Tensor):
            if leaf.dtype == tf.string:
                return False
        elif leaf is not None and np.asarray(leaf).dtype.kind not in "buif":
            return False
    return True


def _shapes(batch):
    return tuple(
        None if leaf is None else (tuple(np.shape(leaf)), str(leaf.dtype))
        for leaf in keras.tree.flatten(batch)
    )


def _superbatches(batches):
    """The batches of a shape that follow each other as one `[S, B, ...]`, for shape after shape."""
    if isinstance(batches, ArrayBatches):
        return batches.superbatches()
    groups = itertools.groupby(batches, _shapes)
    return [_mapped(lambda *leaves: tf.stack(leaves), *group) for _, group in groups]


def _padded(superbatch, missing):
    if not missing:
        return superbatch
    return _mapped(
        lambda leaf: tf.concat([leaf, tf.zeros([missing, *leaf.shape[1:]], leaf.dtype)], 0),
        superbatch,
    )


def _at(superbatch, index):
    return _mapped(lambda leaf: leaf[index], superbatch)


def _mapped(function, *structures):
    """`map_structure` that leaves None as it is."""
    return keras.tree.map_structure(
        lambda *leaves: None if leaves[0] is None else function(*leaves), *structures
    )
