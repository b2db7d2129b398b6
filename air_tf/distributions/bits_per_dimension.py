"""Log-likelihoods in the unit of lossless compression."""

import math

from air_tf import checks


def bits_per_dimension(log_likelihood, num_dimensions):
    """−log p(x) / (D·log 2): the bits that a model of discrete x needs for each of D numbers.

    Args:
        log_likelihood: log p(x), nats: a number, or an array or tensor of any shape.
        num_dimensions: D ≥ 1, the product of the shape S of one observation.

    Returns:
        As `log_likelihood`, in bits.

    Example:
    >>> uniform = np.full(2, -784 * np.log(256))  # each of 784 levels has probability 1/256
    >>> air_tf.distributions.bits_per_dimension(uniform, 784).round(6).tolist()
    [8.0, 8.0]
    """
    num_dimensions = checks.positive_int("num_dimensions", num_dimensions)
    return -log_likelihood / (num_dimensions * math.log(2))
