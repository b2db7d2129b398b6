"""Steps over the replicas of a `tf.distribute` strategy, on one host or on several.

Keras reduces what a step returns over the replicas, which fails for the scalars of several hosts.
Here a step returns nothing: its metrics are variables, which sum over the replicas when read.
"""

import zlib

import tensorflow as tf

from air_tf.program import program


def require_same(strategy, value, what):
    """Raises ValueError if a value, by its `repr`, is not the same on all hosts of a strategy."""
    if strategy.num_replicas_in_sync == 1:
        return
    number = tf.constant([zlib.crc32(repr(value).encode())], tf.int64)
    numbers = strategy.experimental_distribute_values_from_function(lambda _: number)
    if len(set(strategy.gather(numbers, axis=0).numpy())) > 1:
        raise ValueError(f"All hosts must see the same {what}. Received: {value} on this one")


def train_function(strategy, step, results, steps):
    """Returns a Keras train function: `steps` steps a call, each on a batch shared out.

    Args:
        strategy: the `tf.distribute.Strategy`.
        step: function of a replica's part of a batch that updates variables.
        results: function without arguments that returns the logs after the last step.
        steps: S ≥ 1; divides the number of batches that the iterator has.

    Returns:
        Function of an iterator, which raises an OutOfRangeError at its end.
    """

    def without_logs(batch):
        step(batch)

    def run_steps(iterator):
        def body(i):
            strategy.run(without_logs, (next(iterator),))
            return (i + 1,)

        if steps == 1:
            body(0)
        else:
            tf.while_loop(lambda i: i < steps, body, [0])

    run = program(run_steps)

    def function(iterator):
        run(iterator)
        return results()

    return function


def test_function(strategy, step, results, steps):
    """As `train_function`, but the number of batches may be any: the last call takes fewer."""
    one_step = train_function(strategy, step, results, 1)

    def function(iterator):
        logs = None
        for _ in range(steps):
            try:
                logs = one_step(iterator)
            except tf.errors.OutOfRangeError:
                if logs is None:
                    raise
                break
        return logs

    return function
