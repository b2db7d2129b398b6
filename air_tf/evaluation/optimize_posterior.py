"""Stochastic variational inference: fits q to each example, with the decoder frozen."""

import typing

import tensorflow as tf

from air_tf import prng

_WINDOW = 10  # the objective of an example is averaged over so many steps
_PATIENCE = 10  # an example stops after so many windows in a row without a better average


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

    Steps come in windows of 10 (the last may be shorter). After each window, the average objective
    of an example is compared with its best window so far. If it is better, the parameters, averaged
    over the window, are kept. After 10 windows in a row without a better one, the example stops
    moving. The loop ends when all examples have stopped.

    Args:
        model: a `VariationalAutoencoder`.
        x: `[B, *S]`.
        outputs: starting point, raw outputs `[B, P]` of the encoder.
        reduction: `objectives.iwae_bound` or `objectives.elbo`.
        num_train_samples: k̂, fresh samples in each step.
        max_steps: T, the most steps.
        learning_rate: learning rate of Adam.
        seed: seed tensor `[2]`.
        analytic_kl: see `VariationalAutoencoder.log_importance_weights`.

    Returns:
        Raw parameters `[B, P]` of q*, and the number of steps `[B]` of each example.
    """

    def step(state):
        with tf.GradientTape() as tape:
            tape.watch(state.raw)
            q = model.variational_family(state.raw)
            log_weights = model.log_importance_weights(
                x, q, num_train_samples, prng.fold_in(seed, state.i), analytic_kl
            )
            objective = reduction(log_weights)
        gradient = tape.gradient(objective, state.raw)
        moved = _adam_step(state, gradient, learning_rate)
        return _window_step(moved, state.raw, objective, max_steps)

    zeros, none = tf.zeros_like(outputs), tf.zeros_like(outputs[:, 0])
    count = tf.zeros_like(none, tf.int32)
    final = tf.while_loop(
        lambda state: (state.i < max_steps) & tf.reduce_any(state.failures < _PATIENCE),
        lambda state: (step(state),),
        [
            _State(
                i=tf.constant(0),
                raw=outputs,
                first_moment=zeros,
                second_moment=zeros,
                mean=none,
                mean_raw=zeros,
                best=none + float("-inf"),
                best_raw=outputs,
                failures=count,
                num_steps=count,
            )
        ],
    )[0]
    return final.best_raw, final.num_steps


class _State(typing.NamedTuple):
    """State of the loop; every field except i has a value for each example.

    Attributes:
        i: steps taken.
        raw: raw parameters `[B, P]` of q.
        first_moment, second_moment: moments of Adam, `[B, P]`.
        mean, mean_raw: running means of the objective `[B]` and of raw over the window.
        best, best_raw: means over the best window so far.
        failures: windows in a row without a better mean.
        num_steps: steps of each example.
    """

    i: tf.Tensor
    raw: tf.Tensor
    first_moment: tf.Tensor
    second_moment: tf.Tensor
    mean: tf.Tensor
    mean_raw: tf.Tensor
    best: tf.Tensor
    best_raw: tf.Tensor
    failures: tf.Tensor
    num_steps: tf.Tensor


def _adam_step(state, gradient, learning_rate):
    """One step of Adam for a batch of separate problems: examples share nothing."""
    t = tf.cast(state.i + 1, gradient.dtype)
    first = 0.9 * state.first_moment + 0.1 * gradient
    second = 0.999 * state.second_moment + 0.001 * gradient**2
    direction = (first / (1 - 0.9**t)) / (tf.sqrt(second / (1 - 0.999**t)) + 1e-8)
    active = state.failures < _PATIENCE
    raw = tf.where(active[:, tf.newaxis], state.raw + learning_rate * direction, state.raw)
    num_steps = state.num_steps + tf.cast(active, tf.int32)
    return state._replace(raw=raw, first_moment=first, second_moment=second, num_steps=num_steps)


def _window_step(state, raw, objective, max_steps):
    """Adds a step, with its raw and objective, to the window; closes the window at its end."""
    mean, mean_raw = state.mean + objective / _WINDOW, state.mean_raw + raw / _WINDOW
    closes = ((state.i + 1) % _WINDOW == 0) | (state.i + 1 == max_steps)
    share = tf.cast(_WINDOW / (state.i % _WINDOW + 1), raw.dtype)  # exactly 1 in a whole window
    average, average_raw = mean * share, mean_raw * share
    active = state.failures < _PATIENCE
    better = closes & active & (average > state.best)
    failures = state.failures + tf.cast(closes & active, tf.int32)
    return state._replace(
        i=state.i + 1,
        mean=tf.where(closes, 0.0, mean),
        mean_raw=tf.where(closes, 0.0, mean_raw),
        best=tf.where(better, average, state.best),
        best_raw=tf.where(better[:, tf.newaxis], average_raw, state.best_raw),
        failures=tf.where(better, 0, failures),
    )
