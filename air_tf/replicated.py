"""What all hosts of a `tf.distribute` strategy must agree on."""

import zlib

import tensorflow as tf


def require_same(strategy, value, what):
    """Raises ValueError if a value, by its `repr`, is not the same on all hosts of a strategy."""
    if strategy.num_replicas_in_sync == 1:
        return
    number = tf.constant([zlib.crc32(repr(value).encode())], tf.int64)
    numbers = strategy.experimental_distribute_values_from_function(lambda _: number)
    if len(set(strategy.gather(numbers, axis=0).numpy())) > 1:
        raise ValueError(f"All hosts must see the same {what}. Received: {value} on this one")
