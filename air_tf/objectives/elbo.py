"""The evidence lower bound."""

import tensorflow as tf


def elbo(log_weights):
    """Monte Carlo estimate of the ELBO of each example, in nats.

        L(x) = E_{z~q(z|x)}[log p(x, z) − log q(z|x)]                 (Shu et al. 2018, Eqs. 2, 5)

    Args:
        log_weights: `[k, ..., B]`, as `VariationalAutoencoder.log_weights` returns them.

    Returns:
        `[..., B]`: the mean over the k samples.

    Example:
    >>> air_tf.objectives.elbo(tf.constant([[-3.0, -1.0], [-1.0, -1.0]])).numpy().tolist()
    [-2.0, -1.0]
    """
    return tf.reduce_mean(log_weights, axis=0)
