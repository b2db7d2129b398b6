"""Stochastic variational inference: fits q to each example, with the decoder frozen."""

import math
import typing

import tensorflow as tf

from air_tf import prng

_AVERAGED = 0.3  # q* is the mean over this share of the steps, the last ones


def optimize_posterior(
    model, x, outputs, seed, num_steps, learning_rate, importance_weighted, *, num_train_samples
):
    """Maximises a bound over the variational parameters φ of each example.

    The gradient goes through the samples z_i = g_φ(ε_i) alone, so that it has no variance left
    where q is the posterior:

        Σ_i c_i · ∂log w_i/∂z_i · dz_i/dφ,

    c_i = w̃_i² for the IWAE-k̂ bound (Tucker et al. 2019), c_i = 1/k̂ for the ELBO (Roeder et al.
    2017). Adam turns it into a direction. A parameter moves in units of its Fisher length,
    E_q[(∂log q/∂φ)²]^(−1/2), in which q changes equally fast everywhere: a narrow q takes short
    steps. The rate falls to 0 by a cosine. q* is the mean over the last 30 % of the steps.

    Args:
        model: a `VariationalAutoencoder`.
        x: `[B, *S]`.
        outputs: starting point, raw outputs `[B, P]` of the encoder.
        seed: seed tensor `[2]`.
        num_steps: T, a scalar integer tensor.
        learning_rate: first rate, a scalar tensor, for two parameters a latent dimension; more
            parameters move more slowly.
        importance_weighted: whether the bound is IWAE-k̂, a scalar boolean tensor; else the ELBO.
        num_train_samples: k̂, fresh samples in each step.

    Returns:
        Raw parameters `[B, P]` of q*.
    """
    family, k = model.variational_family, num_train_samples
    dtype = outputs.dtype
    num_steps = tf.cast(num_steps, dtype)
    rate = tf.cast(learning_rate, dtype) * 2 * model.latent_dim / outputs.shape[-1]

    def step(state):
        with tf.GradientTape() as to_samples:
            to_samples.watch(state.raw)
            z = family.sample(family(state.raw), k, prng.fold_in(seed, state.step))
        with tf.GradientTape() as to_weights:
            to_weights.watch(z)
            log_weights = model.log_weights_at(x, family(state.raw), z)
        slopes = to_weights.gradient(log_weights, z)
        weights = tf.nn.softmax(log_weights, axis=0)
        coefficients = tf.where(importance_weighted, weights**2, 1 / k)
        gradient = to_samples.gradient(z, state.raw, coefficients[..., tf.newaxis] * slopes)
        done = tf.cast(state.step, dtype)
        cosine = 0.5 * (1 + tf.cos(math.pi * done / num_steps))
        information = _fisher_information(family, state.raw, z)
        moved = _adam_step(state, gradient, information, rate * cosine)
        counts = done >= tf.floor((1 - _AVERAGED) * num_steps)
        return moved._replace(total=state.total + tf.where(counts, moved.raw, 0.0))

    zeros = tf.zeros_like(outputs)
    final = tf.while_loop(
        lambda state: tf.cast(state.step, dtype) < num_steps,
        lambda state: (step(state),),
        [_State(tf.constant(0), outputs, zeros, zeros, zeros, zeros)],
    )[0]
    return final.total / (num_steps - tf.floor((1 - _AVERAGED) * num_steps))


class _State(typing.NamedTuple):
    """State of the loop: a scalar, and tensors `[B, P]`.

    Attributes:
        step: steps taken.
        raw: raw parameters of q.
        first_moment, second_moment, information: decaying sums of the slope, of its square and of
            the Fisher information.
        total: sum of the raw parameters that count.
    """

    step: tf.Tensor
    raw: tf.Tensor
    first_moment: tf.Tensor
    second_moment: tf.Tensor
    information: tf.Tensor
    total: tf.Tensor


def _fisher_information(family, raw, z):
    """E_q[(∂log q(z)/∂φ)²] `[B, P]` from samples z `[k, B, Z]`; it does not ask the decoder."""
    copies = tf.repeat(raw[tf.newaxis], z.shape[0], axis=0)  # a gradient for each sample
    with tf.GradientTape() as tape:
        tape.watch(copies)
        log_q = family(copies).log_prob(z)
    return tf.reduce_mean(tape.gradient(log_q, copies) ** 2, axis=0)


def _adam_step(state, gradient, information, rate):
    """A step of Adam in units of the Fisher length; examples share nothing."""
    t = tf.cast(state.step + 1, gradient.dtype)
    information = 0.9 * state.information + 0.1 * information
    length = tf.math.rsqrt(information / (1 - 0.9**t) + 1e-3)  # where q hardly changes, 31
    slope = tf.where(tf.math.is_finite(gradient), gradient * length, 0.0)  # nats a length
    first = 0.9 * state.first_moment + 0.1 * slope
    second = 0.95 * state.second_moment + 0.05 * slope**2
    # On slopes well below 0.1 this is a natural-gradient step, which ends at the optimum.
    direction = (first / (1 - 0.9**t)) / (tf.sqrt(second / (1 - 0.95**t)) + 0.1)
    return state._replace(
        step=state.step + 1,
        raw=state.raw + rate * length * direction,
        first_moment=first,
        second_moment=second,
        information=information,
    )
