"""Annealed importance weights: chains from r(z) to the posterior, and their step sizes."""

import math

import tensorflow as tf

from air_tf import prng
from air_tf.evaluation import hamiltonian

# Step sizes are kept at this many temperatures, equally spaced along the schedule.
KNOTS = 64
_FIRST_STEP_SIZE = 0.2
_ACCEPTANCE = 0.7  # aimed at; the best is between 0.6 and 0.9 (Neal 2011, Section 5.4.4.3)
_LEARNING_RATE = 0.1  # of log ε, for each transition of the pilot
_NUM_VARIANCE_SAMPLES, _SMALLEST_VARIANCE = 64, 1e-4


def temperatures(t, num_temperatures):
    """β_t of t = 0 … T, float32: slow at both ends, where the density changes most.

    γ_t = sigmoid(4(2t/T − 1)), β_t = (γ_t − γ_0)/(γ_T − γ_0)      (Wu et al. 2017)
    """
    at = tf.cast(t, tf.float32) / tf.cast(num_temperatures, tf.float32)
    low, high = tf.sigmoid(-4.0), tf.sigmoid(4.0)
    return tf.clip_by_value((tf.sigmoid(4.0 * (2.0 * at - 1.0)) - low) / (high - low), 0.0, 1.0)


def anneal(
    model,
    x,
    outputs,
    z,
    step_sizes,
    seed,
    num_temperatures,
    adapts,
    *,
    num_leapfrog_steps,
    from_prior,
    backwards=False,
):
    """Log weights of C chains for each example (Neal 2001; Wu et al. 2017).

    Forwards, z ~ r; for t = 1 … T: log w += (β_t − β_{t−1})·[log p(x, z) − log r(z)], then an HMC
    transition that leaves r(z)^(1−β_t)·p(x, z)^β_t invariant. Backwards, the same steps are undone
    from z ~ p(z|x), t = T … 1, and log w falls (Grosse et al. 2015).

    Args:
        model: a `VariationalAutoencoder`.
        x: `[B, *S]`.
        outputs: raw parameters `[B, P]` of q(z|x).
        z: where the chains start, `[C, B, Z]`.
        step_sizes: ε `[KNOTS, B]` along the schedule, used unless they are adapted.
        seed: seed tensor `[2]`.
        num_temperatures: T, a scalar integer tensor.
        adapts: whether to adapt ε to the acceptance, a scalar boolean tensor. Then the weights are
            biased, and the step sizes are what counts.
        num_leapfrog_steps: L.
        from_prior: whether r is p(z), else q(z|x).
        backwards: whether chains go from the posterior to r.

    Returns:
        Log weights `[C, B]` in nats, the mean acceptance `[B]`, and step sizes `[KNOTS, B]`.
    """
    start, inverse_mass_at = _path(model, outputs, from_prior)

    def at(z):
        return hamiltonian.point(model, x, start, z)

    def step(i, here, log_weights, accepted, log_step, kept):
        t = num_temperatures + 1 - i if backwards else i
        before, beta = (tf.cast(temperatures(j, num_temperatures), z.dtype) for j in (t - 1, t))
        knot = t * (KNOTS - 1) // num_temperatures
        step_size = tf.where(adapts, tf.exp(log_step), step_sizes[knot])
        there, probability = hamiltonian.transition(
            at,
            here,
            beta,
            step_size,
            inverse_mass_at(beta),
            num_leapfrog_steps,
            prng.fold_in(seed, t),
        )
        log_weights += (beta - before) * (-there.log_ratio if backwards else here.log_ratio)
        probability = tf.reduce_mean(probability, axis=0)
        log_step += _LEARNING_RATE * (probability - _ACCEPTANCE)
        row = (tf.range(KNOTS) == knot)[:, tf.newaxis]
        kept = tf.where(row, tf.exp(log_step), kept)
        return i + 1, there, log_weights, accepted + probability, log_step, kept

    zeros = tf.zeros_like(outputs[:, 0])
    state = [
        tf.constant(1),
        at(z),
        tf.zeros(tf.shape(z)[:2], z.dtype),
        zeros,
        zeros + math.log(_FIRST_STEP_SIZE),
        step_sizes,
    ]
    _, _, log_weights, accepted, _, kept = tf.while_loop(
        lambda i, *_: i <= num_temperatures, step, state
    )
    return log_weights, accepted / tf.cast(num_temperatures, outputs.dtype), kept


def draw_start(model, x, outputs, seed, *, num_chains, from_prior):
    """Where chains start: z ~ r, `[C, B, Z]`."""
    del x
    if from_prior:
        shape = tf.concat([[num_chains], tf.shape(outputs)[:1], [model.latent_dim]], axis=0)
        return prng.normal(shape, seed, outputs.dtype)
    family = model.variational_family
    return family.sample(family(outputs), num_chains, seed)


def _path(model, outputs, from_prior):
    """The distribution r, and the function β → 1/M `[B, Z]` of the transitions at f_β.

    From the prior, M is the precision of f_β where the posterior has the variances of q(z|x):
    (1 − β)·1 + β/Var_q. From q it is √(1/Var_q), as q is often too narrow: 1/Var_q gave a bound 0.3
    nats lower on Caltech. A q that is wrong makes the chains slow, not biased.
    """
    family = model.variational_family
    q = family(outputs)
    samples = family.sample(q, _NUM_VARIANCE_SAMPLES, prng.as_seed(0))
    precision = 1 / tf.maximum(tf.math.reduce_variance(samples, axis=0), _SMALLEST_VARIANCE)
    if from_prior:
        return model.prior, lambda beta: 1 / (1 - beta + beta * precision)
    return q, lambda beta: tf.math.rsqrt(precision)
