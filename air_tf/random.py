"""Stateless random numbers: one place that decides how a seed becomes noise.

The generator is named explicitly. TensorFlow's automatic choice is some thirty times slower when a
step is compiled by XLA on CPU, and it depends on the device. Even so XLA orders the numbers of a
stream differently: a seed repeats exactly within either mode, not across the two.
"""

import tensorflow as tf

_ALGORITHM = "philox"


def as_seed(seed):
    """Returns an int seed, or an int32 seed tensor `[2]`, as a seed tensor `[2]`."""
    seed = tf.convert_to_tensor(seed)
    if seed.shape.rank == 0:
        seed = tf.stack([tf.cast(seed, tf.int32), tf.zeros((), tf.int32)])
    return tf.cast(seed, tf.int32)


def next_seed(seed_generator):
    """Advances a `keras.random.SeedGenerator`; replicas of a `tf.distribute` strategy differ."""
    seed = tf.cast(seed_generator.next(), tf.int32)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return seed
    return fold_in(seed, context.replica_id_in_sync_group)


def fold_in(seed, data):
    """Returns a new seed `[2]` from a seed and an integer."""
    return tf.random.experimental.stateless_fold_in(as_seed(seed), data, alg=_ALGORITHM)


def split(seed, num=2):
    """Returns `num` independent seeds."""
    return tf.unstack(tf.random.experimental.stateless_split(seed, num, alg=_ALGORITHM), num)


def normal(shape, seed, dtype):
    """Standard normal numbers of the given shape; drawn in float32 at least."""
    drawn = tf.float64 if dtype == "float64" else tf.float32
    return tf.cast(tf.random.stateless_normal(shape, seed, dtype=drawn, alg=_ALGORITHM), dtype)


def uniform(shape, seed, dtype):
    """Uniform numbers in [0, 1) of the given shape."""
    return tf.random.stateless_uniform(shape, seed, dtype=dtype, alg=_ALGORITHM)
