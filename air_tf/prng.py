"""Stateless random numbers: this module alone decides how a seed becomes noise.

Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011),
written in elementwise operations. XLA fuses them with the operations that use the numbers. On CPU
this runs several times faster than TensorFlow's generators under XLA. A seed gives the same numbers
with XLA and without, on any device.
"""

import math

import tensorflow as tf

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
# Second word of the counter: it keeps numbers drawn from a seed apart from seeds made of it.
_DRAW, _FOLD_IN, _SPLIT = range(3)


def as_seed(seed):
    """Turns an int seed, or an int32 seed tensor `[2]`, into a seed tensor `[2]`."""
    seed = tf.convert_to_tensor(seed)
    if seed.shape.rank == 0:
        seed = tf.stack([tf.cast(seed, tf.int32), tf.zeros((), tf.int32)])
    return tf.cast(seed, tf.int32)


def next_seed(seed_generator):
    """The next seed of a `keras.random.SeedGenerator`, another one for each replica."""
    seed = tf.cast(seed_generator.next(), tf.int32)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return seed
    return fold_in(seed, context.replica_id_in_sync_group)


def fold_in(seed, data):
    """Returns a new seed `[2]` from a seed and an integer."""
    return _new_seed(seed, tf.cast(data, tf.int32), _FOLD_IN)


def split(seed, num=2):
    """Returns `num` independent seeds."""
    return [_new_seed(seed, tf.constant(i), _SPLIT) for i in range(num)]


def normal(shape, seed, dtype):
    """Standard normal numbers of the given shape, by inversion of 23 bits; within ±5.3."""
    # Odd multiples of 2⁻²³ in (−1, 1): exact in float32, symmetric, and never ±1.
    centred = tf.cast(_bits(shape, seed, 23) - 2**22, tf.float32) + 0.5
    return tf.cast(math.sqrt(2.0) * tf.math.erfinv(centred * 2.0**-22), dtype)


def uniform(shape, seed, dtype):
    """Uniform numbers in [0, 1) of the given shape: multiples of 2⁻²³."""
    return tf.cast(tf.cast(_bits(shape, seed, 23), tf.float32) * 2.0**-23, dtype)


def _new_seed(seed, data, purpose):
    counter = tf.bitcast(tf.reshape(data, [1]), tf.uint32)
    words = _threefry(as_seed(seed), counter, _word(purpose)[tf.newaxis])
    return tf.bitcast(tf.reshape(words, [2]), tf.int32)


def _bits(shape, seed, num_bits):
    """Random integers `[*shape]`, int32, of `num_bits` < 32 bits each."""
    size = tf.reduce_prod(shape)
    counter = tf.bitcast(tf.range((size + 1) // 2), tf.uint32)
    words = _threefry(as_seed(seed), counter, tf.fill(tf.shape(counter), _word(_DRAW)))
    bits = tf.reshape(tf.concat(words, axis=0)[:size], shape)
    return tf.bitcast(tf.bitwise.right_shift(bits, _word(32 - num_bits)), tf.int32)


# A separate function is traced once; otherwise each use would add its hundred operations.
@tf.function(
    input_signature=[
        tf.TensorSpec([2], tf.int32),
        tf.TensorSpec([None], tf.uint32),
        tf.TensorSpec([None], tf.uint32),
    ],
    autograph=False,
)
def _threefry(seed, x0, x1):
    """Encrypts counters `[n]` of two uint32 words with a seed `[2]`."""
    k0, k1 = tf.unstack(tf.bitcast(seed, tf.uint32))
    k2 = tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(k0, k1), _word(_PARITY))
    key = (k0, k1, k2)
    x0, x1 = x0 + k0, x1 + k1
    for group in range(5):
        for distance in _ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = tf.bitwise.bitwise_xor(_rotated(x1, distance), x0)
        x0 = x0 + key[(group + 1) % 3]
        x1 = x1 + key[(group + 2) % 3] + _word(group + 1)
    return x0, x1


def _rotated(x, distance):
    high = tf.bitwise.left_shift(x, _word(distance))
    return tf.bitwise.bitwise_or(high, tf.bitwise.right_shift(x, _word(32 - distance)))


def _word(value):
    return tf.constant(value, tf.uint32)
