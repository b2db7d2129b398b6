"""Hamiltonian Monte Carlo on a path of densities between q and the posterior."""

import typing

import tensorflow as tf

from air_tf import prng


class Point(typing.NamedTuple):
    """Latents of chains, and what the transitions need to know of them.

    Attributes:
        z: `[C, B, Z]`.
        log_start, log_ratio: log r(z) and log p(x, z) − log r(z), `[C, B]`, nats.
        start_slope, ratio_slope: their gradients, `[C, B, Z]`.
    """

    z: tf.Tensor
    log_start: tf.Tensor
    log_ratio: tf.Tensor
    start_slope: tf.Tensor
    ratio_slope: tf.Tensor

    def log_density(self, beta):
        """Log f_β(z) = (1 − β) log r(z) + β log p(x, z)."""
        return self.log_start + beta * self.log_ratio

    def slope(self, beta):
        """The gradient of log f_β(z)."""
        return self.start_slope + beta * self.ratio_slope


def point(model, x, start, z):
    """The `Point` at z; the one pass through the decoder serves all β.

    Args:
        model: a `VariationalAutoencoder`.
        x: `[B, *S]`.
        start: the distribution r, with batch shape `[B]` or `[]`.
        z: `[C, B, Z]`.
    """
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        log_start = start.log_prob(z)
        log_ratio = model.log_weights_at(x, start, z)
    return Point(z, log_start, log_ratio, tape.gradient(log_start, z), tape.gradient(log_ratio, z))


def transition(at, here, beta, step_size, inverse_mass, num_leapfrog_steps, seed):
    """One transition that leaves f_β invariant, whatever the step size and the mass are.

    A momentum of mass M is drawn, L leapfrog steps follow the Hamiltonian, and the end is accepted
    with the Metropolis probability (Neal 2011, Section 5.3.2). Each chain draws the length of its
    steps, from ε/2 to ε: with the same length, all chains could return to where they began
    (Section 5.4.2.2).

    Args:
        at: function z → `Point`.
        here: `Point` of the chains.
        beta: β, a scalar tensor.
        step_size: ε `[B]`, the longest step.
        inverse_mass: 1/M, `[B, Z]`; it must not depend on the chains.
        num_leapfrog_steps: L.
        seed: seed tensor `[2]`.

    Returns:
        The next `Point`, and the probability of acceptance `[C, B]`.
    """
    of_momentum, of_acceptance, of_length = prng.split(seed, 3)
    scale = tf.sqrt(inverse_mass)
    # In units of √M the momentum is standard normal, and a step has its own length in each z.
    first = prng.normal(tf.shape(here.z), of_momentum, here.z.dtype)
    share = 0.5 + 0.5 * prng.uniform(tf.shape(here.log_ratio), of_length, here.z.dtype)
    length = (share * step_size)[..., tf.newaxis] * scale

    def leapfrog(i, momentum, there):
        momentum += 0.5 * length * there.slope(beta)
        there = at(there.z + length * momentum)
        return i + 1, momentum + 0.5 * length * there.slope(beta), there

    _, momentum, there = tf.while_loop(
        lambda i, *_: i < num_leapfrog_steps, leapfrog, [tf.constant(0), first, here]
    )
    change = there.log_density(beta) - here.log_density(beta)
    change += 0.5 * tf.reduce_sum(first**2 - momentum**2, axis=-1)
    # A chain that ran away to where the density is not finite stays where it is.
    probability = tf.where(tf.math.is_finite(change), tf.exp(tf.minimum(change, 0.0)), 0.0)
    accepted = prng.uniform(tf.shape(change), of_acceptance, change.dtype) < probability

    def choose(new, old):
        return tf.where(accepted[..., tf.newaxis] if new.shape.rank == 3 else accepted, new, old)

    return Point(*map(choose, there, here)), probability
