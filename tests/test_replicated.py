"""Hosts that must agree; tests/models/test_distribution.py tests what they compute together."""

import pytest
import tensorflow as tf

from air_tf import replicated


class Hosts:
    """A stand-in for a `tf.distribute.Strategy` with this host and another one."""

    num_replicas_in_sync = 2

    def __init__(self, other):
        self.other = other

    def experimental_distribute_values_from_function(self, function):
        return function(None)

    def gather(self, value, axis):
        return tf.concat([value, value + self.other], axis)


def test_hosts_must_see_the_same():
    replicated.require_same(tf.distribute.get_strategy(), [1, 2], "finished batches")
    replicated.require_same(Hosts(0), [1, 2], "finished batches")
    with pytest.raises(ValueError, match=r"the same finished batches. Received: \[1, 2\]"):
        replicated.require_same(Hosts(1), [1, 2], "finished batches")
