"""The logarithm of the softplus, and its inverse."""

import numpy as np
import tensorflow as tf


def log_softplus(x):
    """log(log(1 + e^x)), exact for any x; far below 0, where the softplus is 0, it is x."""
    # To the left of −30 they differ by less than e^−30/2, less than the rounding of float64.
    exact = tf.math.log(tf.math.softplus(tf.maximum(x, -30.0)))
    return tf.where(x < -30.0, x, exact)


def inverse_softplus(y):
    """The x whose softplus is y > 0, for NumPy arrays."""
    return y + np.log(-np.expm1(-y))
