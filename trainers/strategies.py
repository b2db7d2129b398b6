"""`--strategy`: where a training or an evaluation runs."""

import tensorflow as tf


def make(name):
    """The `tf.distribute.Strategy` of a name; if None, TensorFlow's default without replicas.

    For several hosts, make it before TensorFlow does anything else in the process.
    """
    if name is None:
        return tf.distribute.get_strategy()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.MultiWorkerMirroredStrategy()


def is_chief(strategy):
    """Whether this process is the one that writes files."""
    return strategy.extended.should_checkpoint
