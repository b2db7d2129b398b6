"""Distances between observations, in float64."""

import tensorflow as tf


def squared_distances(a, b):
    """‖a_i − b_j‖² for a `[M, *S]` and b `[N, *S]`: float64 `[M, N]`.

    Whole numbers, such as pixels, give exact distances.
    """
    # Measured from a point of b: a common shift drops out, and whole numbers stay whole.
    origin = tf.cast(b[:1], tf.float64)
    a, b = (_rows(tf.cast(points, tf.float64) - origin) for points in (a, b))
    squares = [tf.reduce_sum(points**2, axis=1) for points in (a, b)]
    products = tf.linalg.matmul(a, b, transpose_b=True)
    return tf.nn.relu(squares[0][:, tf.newaxis] - 2 * products + squares[1])


def diameter(points, rows=1000):
    """The largest distance between two of the points `[N, *S]`; a block of rows at a time."""
    starts = range(0, len(points), rows)
    blocks = (squared_distances(points[start : start + rows], points) for start in starts)
    return max(float(tf.reduce_max(block)) for block in blocks) ** 0.5


def _rows(points):
    return tf.reshape(points, [len(points), -1])
