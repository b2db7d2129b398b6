"""Annealed importance weights: chains from r(z) to the posterior, and their step sizes."""

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
    step_sizes,
    seed,
    num_temperatures,
    adapts,
    *,
    num_chains,
    num_leapfrog_steps,
    from_prior,
):
    """Log weights of C chains for each example (Neal 2001; Wu et al. 2017).

    z ~ r; for t = 1 … T: log w += (β_t − β_{t−1})·[log p(x, z) − log r(z)], then an HMC transition
    that leaves r(z)^(1−β_t)·p(x, z)^β_t invariant.

    Args:
        model: a `VariationalAutoencoder`.
        x: `[B, *S]`.
        outputs: raw parameters `[B, P]` of q(z|x).
        step_sizes: ε `[KNOTS, B]` along the schedule, used unless they are adapted.
        seed: seed tensor `[2]`.
        num_temperatures: T, a scalar integer tensor.
        adapts: whether to adapt ε to the acceptance, a scalar boolean tensor. Then the weights are
            biased, and the step sizes are what counts.
        num_chains: C.
        num_leapfrog_steps: L.
        from_prior: whether r is p(z), else q(z|x).

    Returns:
        Log weights `[C, B]` in nats, the mean acceptance `[B]`, and step sizes `[KNOTS, B]`.
    """
    start, inverse_mass_at = _start(model, outputs, from_prior)
    of_start, of_chains = prng.split(seed)

    def at(z):
        return hamiltonian.point(model, x, start, z)

    shape = tf.concat([[num_chains], tf.shape(outputs)[:1], [model.latent_dim]], axis=0)
    if from_prior:
        z = prng.normal(shape, of_start, outputs.dtype)
    else:
        z = model.variational_family.sample(start, num_chains, of_start)
        z = tf.identity(z)  # for z itself, TFP would remember ε, and log r would not depend on z

    def step(t, here, log_weights, accepted, log_step, kept):
        before, beta = (temperatures(i, num_temperatures) for i in (t - 1, t))
        log_weights += (beta - before) * here.log_ratio
        knot = t * (KNOTS - 1) // num_temperatures
        step_size = tf.where(adapts, tf.exp(log_step), step_sizes[knot])
        there, probability = hamiltonian.transition(
            at,
            here,
            beta,
            step_size,
            inverse_mass_at(beta),
            num_leapfrog_steps,
            prng.fold_in(of_chains, t),
        )
        probability = tf.reduce_mean(probability, axis=0)
        log_step += _LEARNING_RATE * (probability - _ACCEPTANCE)
        row = (tf.range(KNOTS) == knot)[:, tf.newaxis]
        kept = tf.where(row, tf.exp(log_step), kept)
        return t + 1, there, log_weights, accepted + probability, log_step, kept

    zeros = tf.zeros_like(outputs[:, 0])
    state = [
        tf.constant(1),
        at(z),
        tf.zeros(shape[:2], outputs.dtype),
        zeros,
        zeros + tf.math.log(_FIRST_STEP_SIZE),
        step_sizes,
    ]
    _, _, log_weights, accepted, _, kept = tf.while_loop(
        lambda t, *_: t <= num_temperatures, step, state
    )
    return log_weights, accepted / tf.cast(num_temperatures, outputs.dtype), kept


def _start(model, outputs, from_prior):
    """The distribution r, and the function β → 1/M `[B, Z]` of the transitions at f_β.

    M is the precision of f_β where the posterior has the variances of q(z|x): (1 − β)·1 + β/Var_q
    from the prior, and 1/Var_q from q. A q that is wrong makes the chains slow, not biased.
    """
    family = model.variational_family
    q = family(outputs)
    samples = family.sample(q, _NUM_VARIANCE_SAMPLES, prng.as_seed(0))
    precision = 1 / tf.maximum(tf.math.reduce_variance(samples, axis=0), _SMALLEST_VARIANCE)
    if from_prior:
        return model.prior, lambda beta: 1 / (1 - beta + beta * precision)
    return q, lambda beta: 1 / precision
