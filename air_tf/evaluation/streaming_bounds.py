"""Bounds with very many samples; memory does not grow with their number."""

import typing

import tensorflow as tf

from air_tf import prng
from air_tf.evaluation import pareto_tail

# Samples decoded at once. With another chunk, the same seed gives other numbers. 50 divides the
# usual k, and 50 samples of 100 images fill the matrix products.
CHUNK = 50
_BLOCK = 20  # chunks whose weights are sorted at once: sorting each of them would cost more


class Bounds(typing.NamedTuple):
    """Reductions of the log weights of k samples.

    Attributes:
        iwae: log (1/k) Σ_i w_i `[B]`, nats.
        elbo: (1/k) Σ_i log w_i `[B]`, nats.
        effective_sample_size: (Σ w)²/Σ w² `[B]`, from 1 to k.
        largest: the largest log weights `[B, num_largest]`, in no order; −∞ where k is less.
    """

    iwae: tf.Tensor
    elbo: tf.Tensor
    effective_sample_size: tf.Tensor
    largest: tf.Tensor


def streaming_bounds(
    model, x, outputs, seed, num_samples, widening=1.0, *, num_largest=pareto_tail.NUM_LARGEST
):
    """IWAE-k bound and ELBO of each example under q, from the same k samples.

    Samples are drawn 50 at a time. Running sums and the largest weights are updated after 1000, so
    memory does not depend on k.
    Exactly k samples count: samples of the last chunk beyond k get no weight.

    Args:
        model: a `VariationalAutoencoder`.
        x: `[B, *S]`.
        outputs: raw parameters `[B, P]` of q, as the encoder returns them.
        seed: seed tensor `[2]`.
        num_samples: k, an int or a scalar integer tensor.
        widening: factor by which q is wider than its parameters say, a scalar tensor or number.
        num_largest: how many of the largest log weights to keep, an int ≥ 0.

    Returns:
        A `Bounds`.
    """
    family = model.variational_family
    q = family.widened(family(outputs), tf.cast(widening, outputs.dtype))
    num_samples = tf.cast(num_samples, tf.int32)
    count = tf.cast(num_samples, model.density_dtype)

    def add_chunk(i, total, block):
        log_weights = model.log_importance_weights(x, q, CHUNK, prng.fold_in(seed, i))
        wanted = (i * CHUNK + tf.range(CHUNK) < num_samples)[:, tf.newaxis]
        total += tf.reduce_sum(tf.where(wanted, log_weights, 0.0), axis=0)
        log_weights = tf.where(wanted, log_weights, float("-inf"))[tf.newaxis]
        return i + 1, total, tf.tensor_scatter_nd_update(block, [[i % _BLOCK]], log_weights)

    def add_block(first, total, log_sum, log_square_sum, largest):
        i, total, block = tf.while_loop(
            lambda i, *_: (i < first + _BLOCK) & (i * CHUNK < num_samples),
            add_chunk,
            [first, total, tf.zeros([_BLOCK, CHUNK, len_x], zeros.dtype) + float("-inf")],
        )
        log_weights = tf.reshape(block, [_BLOCK * CHUNK, len_x])
        log_sum = _log_add(log_sum, log_weights)
        log_square_sum = _log_add(log_square_sum, 2 * log_weights)
        if num_largest:
            rows = tf.concat([largest, tf.transpose(log_weights)], axis=1)
            largest = tf.math.top_k(rows, num_largest, sorted=False).values
        return i, total, log_sum, log_square_sum, largest

    len_x = tf.shape(x)[0]
    zeros = tf.zeros([len_x], model.density_dtype)
    none = zeros + float("-inf")
    _, total, log_sum, log_square_sum, largest = tf.while_loop(
        lambda i, *_: i * CHUNK < num_samples,
        add_block,
        [tf.constant(0), zeros, none, none, tf.repeat(none[:, tf.newaxis], num_largest, axis=1)],
    )
    effective = tf.exp(2 * log_sum - log_square_sum)
    return Bounds(log_sum - tf.math.log(count), total / count, effective, largest)


def _log_add(log_sum, log_weights):
    """The log of a running sum `[B]` to which weights `[k, B]` are added."""
    return tf.reduce_logsumexp(tf.concat([log_weights, log_sum[tf.newaxis]], axis=0), axis=0)
