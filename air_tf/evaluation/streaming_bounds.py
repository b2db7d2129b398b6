"""Bounds with very many samples; memory does not grow with their number."""

import tensorflow as tf

from air_tf import prng

# Samples decoded at once. With another chunk, the same seed gives other numbers. 50 divides the
# usual k, and 50 samples of 100 images fill the matrix products.
CHUNK = 50


def streaming_bounds(model, x, outputs, seed, num_samples, widening=1.0):
    """IWAE-k bound and ELBO of each example under q, from the same k samples.

    Samples are drawn 50 at a time and added to running sums, so memory does not depend on k.
    Exactly k samples count: samples of the last chunk beyond k get no weight.

    Args:
        model: a `VariationalAutoencoder`.
        x: `[B, *S]`.
        outputs: raw parameters `[B, P]` of q, as the encoder returns them.
        seed: seed tensor `[2]`.
        num_samples: k, an int or a scalar integer tensor.
        widening: factor by which q is wider than its parameters say, a scalar tensor or number.

    Returns:
        Two tensors `[B]`, nats: log (1/k) Σ_i w_i, and (1/k) Σ_i log w_i.
    """
    family = model.variational_family
    q = family.widened(family(outputs), tf.cast(widening, outputs.dtype))
    num_samples = tf.cast(num_samples, tf.int32)
    count = tf.cast(num_samples, model.density_dtype)

    def add_chunk(i, log_sum, total):
        log_weights = model.log_importance_weights(x, q, CHUNK, prng.fold_in(seed, i))
        wanted = (i * CHUNK + tf.range(CHUNK) < num_samples)[:, tf.newaxis]
        total += tf.reduce_sum(tf.where(wanted, log_weights, 0.0), axis=0)
        log_weights = tf.where(wanted, log_weights, float("-inf"))
        log_weights = tf.concat([log_weights, log_sum[tf.newaxis]], axis=0)
        return i + 1, tf.reduce_logsumexp(log_weights, axis=0), total

    zeros = tf.zeros(tf.shape(x)[:1], model.density_dtype)
    _, log_sum, total = tf.while_loop(
        lambda i, *_: i * CHUNK < num_samples,
        add_chunk,
        [tf.constant(0), zeros + float("-inf"), zeros],
    )
    return log_sum - tf.math.log(count), total / count
