"""The importance-weighted bound."""

import tensorflow as tf


def iwae_bound(log_weights):
    """Estimate of the k-sample importance-weighted bound of each example, in nats.

        L_k(x) = E_{z_1..z_k~q(z|x)} log (1/k) Σ_i p(x, z_i)/q(z_i|x)   (Shu et al. 2018, Eq. 20)

    With one sample it is the ELBO.

    Args:
        log_weights: `[k, ..., B]`, as `VariationalAutoencoder.log_weights` returns them.

    Returns:
        `[..., B]`: log-mean-exp over the k samples.

    Example:
    >>> print(air_tf.objectives.iwae_bound(tf.math.log([[1.0], [3.0]])).numpy())  # log 2
    [0.6931472]
    """
    k = tf.cast(tf.shape(log_weights)[0], log_weights.dtype)
    return tf.reduce_logsumexp(log_weights, axis=0) - tf.math.log(k)
