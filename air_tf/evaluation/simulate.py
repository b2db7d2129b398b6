"""Observations that the model itself makes."""

import tensorflow as tf


def simulate(model, z: tf.Tensor, seed: tf.Tensor, x: tf.Tensor | None = None) -> tf.Tensor:
    """Draws x′ ~ p(x′|z).

    Args:
        model: a `VariationalAutoencoder`.
        z: latents `[N, Z]`.
        seed: seed tensor `[2]`.
        x: observations `[N, *S]` beside which x′ is to stand: under the multinomial likelihood it
            has their totals. Without x, its totals are 1.

    Returns:
        x′ `[N, *S]`, in the dtype of the densities.

    Example:
    >>> from air_tf.evaluation.simulate import simulate
    >>> model = air_tf.create_model("vae", 3, 2, likelihood="multinomial", seed=0)
    >>> x = simulate(model, tf.zeros([2, 2]), [0, 1], x=[[0, 2, 3], [0, 0, 7]])
    >>> x.numpy().sum(axis=1).tolist()
    [5.0, 7.0]
    """
    p = model.likelihood_at(z)
    if x is not None:
        p = model.likelihood.given_totals(p, tf.reshape(x, [z.shape[0], -1]))
    return tf.reshape(p.sample(seed=seed), [z.shape[0], *model.observation_shape])
