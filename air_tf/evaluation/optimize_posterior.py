"""Stochastic variational inference: fitting q to each example alone, with the decoder frozen."""

import tensorflow as tf

from air_tf import prng

_WINDOW = 10  # steps over which an example's objective is averaged
_PATIENCE = 10  # windows in a row without a better average that stop an example


def optimize_posterior(
    model,
    x,
    outputs,
    reduction,
    *,
    num_train_samples,
    max_steps,
    learning_rate,
    seed,
    analytic_kl=False,
):
    """Maximises a bound over the variational parameters of each example by Adam.

    After each window of 10 steps (the last may be shorter) the average objective of an example is
    compared with that of its best window so far; the parameters, averaged over the window, are kept
    if it is better, and an example without a better window 10 times in a row stops moving. The loop
    ends when all have stopped.

    Args:
        model: a `VariationalAutoencoder`.
        x: `[B, D]`.
        outputs: starting point, raw outputs `[B, P]` of the encoder.
        reduction: `objectives.iwae_bound` or `objectives.elbo`.
        num_train_samples: k̂, fresh samples in each step.
        max_steps: T.
        learning_rate: of Adam.
        seed: seed tensor `[2]`.
        analytic_kl: see `VariationalAutoencoder.log_importance_weights`.

    Returns:
        Raw parameters `[B, P]` of q*, and the steps `[B]` that each example took.
    """

    def step(state):
        i, raw, first, second, best, best_raw, mean, mean_raw, failures, steps = state
        with tf.GradientTape() as tape:
            tape.watch(raw)
            q = model.variational_family(raw)
            log_weights = model.log_importance_weights(
                x, q, num_train_samples, prng.fold_in(seed, i), analytic_kl
            )
            objective = reduction(log_weights)
        gradient = tape.gradient(objective, raw)
        active = failures < _PATIENCE
        mean += objective / _WINDOW
        mean_raw += raw / _WINDOW
        # Adam; examples do not share anything, so one state serves a batch of separate problems.
        t = tf.cast(i + 1, raw.dtype)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        direction = (first / (1 - 0.9**t)) / (tf.sqrt(second / (1 - 0.999**t)) + 1e-8)
        raw = tf.where(active[:, tf.newaxis], raw + learning_rate * direction, raw)
        steps += tf.cast(active, tf.int32)
        # The end of a window.
        closes = ((i + 1) % _WINDOW == 0) | (i + 1 == max_steps)
        share = tf.cast(_WINDOW / (i % _WINDOW + 1), raw.dtype)  # exactly 1 in a whole window
        average, average_raw = mean * share, mean_raw * share
        better = closes & active & (average > best)
        best = tf.where(better, average, best)
        best_raw = tf.where(better[:, tf.newaxis], average_raw, best_raw)
        failures += tf.cast(closes & active, tf.int32)
        failures = tf.where(better, 0, failures)
        mean = tf.where(closes, 0.0, mean)
        mean_raw = tf.where(closes, 0.0, mean_raw)
        return i + 1, raw, first, second, best, best_raw, mean, mean_raw, failures, steps

    zeros = tf.zeros_like(outputs)
    none = tf.zeros_like(outputs[:, 0])
    count = tf.zeros_like(none, tf.int32)
    state = (0, outputs, zeros, zeros, none + float("-inf"), outputs, none, zeros, count, count)
    final = tf.while_loop(
        lambda i, *rest: (i < max_steps) & tf.reduce_any(rest[7] < _PATIENCE),
        lambda *state: step(state),
        state,
    )
    return final[5], final[9]
