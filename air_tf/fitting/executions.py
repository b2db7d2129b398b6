"""Executions: functions that take the steps of several batches.

Each is a function of a list of batches that returns the logs of the last step.
"""

import itertools
import warnings

import keras
import numpy as np
import tensorflow as tf

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
        for shapes, group in itertools.groupby(batches, _shapes):
            group = list(group)
            count = len(group)
            if count > 1:  # a program for the longest superbatch serves the shorter ones
                lengths[shapes] = max(count, lengths.get(shapes, 1))
                group += group[:1] * (lengths[shapes] - count)
            logs = run(_stacked(group), tf.constant(count))
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
        if all(map(_fits_xla, batches)):
            return at_once(batches)
        if insists:
            warnings.warn(
                "XLA takes dense numbers alone; these steps run without it. "
                f"Received: {keras.tree.map_structure(type, batches[0])}",
                stacklevel=2,
            )
        return in_turn(batches)

    return execute


def _of_one_replica(strategy, logs):
    return keras.tree.map_structure(lambda v: strategy.experimental_local_results(v)[0], logs)


def _fits_xla(batch):
    for leaf in keras.tree.flatten(batch):
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


def _stacked(batches):
    return keras.tree.map_structure(
        lambda *leaves: None if leaves[0] is None else tf.stack(leaves), *batches
    )


def _at(superbatch, index):
    return keras.tree.map_structure(lambda leaf: None if leaf is None else leaf[index], superbatch)
