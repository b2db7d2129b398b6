"""The bound that training maximises: everything the paper regularizes, at once."""

import tensorflow as tf

from air_tf import prng
from air_tf.objectives.gradient_estimators import GRADIENT_ESTIMATORS


def training_bound(model, x, seed):
    """The training bound and the ELBO of each example, in nats.

        α·L_σ + (1−α)·L,   L = (1/m) Σ_j log (1/k) Σ_i w_ij     (Shu et al. 2018, Eqs. 16, 20, 23)

    L_σ has the training behaviour of the encoder (noise on) and L its inference behaviour (noise
    off); the decoder behaves as in training (dropout on, say) in both. α is the model's
    `mixture_weight`: 1 unless the mixture form of Eq. 16 is wanted. Each of the m bounds draws
    noise of its own, which its k samples share. An encoder draws none if no layer of it holds a
    `keras.random.SeedGenerator`, as `NoiseInjection` and Keras's own do; then it is asked once for
    all m.

    Args:
        model: a `VariationalAutoencoder`, whose settings α, m, k and gradient estimator are taken.
        x: clean observations `[B, *S]`.
        seed: seed tensor `[2]`.

    Returns:
        Two tensors `[B]`. Their gradients are those of the model's gradient estimator.

    Example:
    >>> model = air_tf.create_model("diwae", input_dim=64, noise_stddev=0.2, seed=0)
    >>> x = air_tf.datasets.load("digits").train[:5].astype("float32")
    >>> bound, elbo = air_tf.objectives.training_bound(model, x, tf.constant([0, 1]))
    >>> bound.shape, bool(tf.reduce_all(bound >= elbo))
    (TensorShape([5]), True)
    """
    bound, elbo = _bound(model, x, seed, training=True)
    if model.mixture_weight < 1.0:
        clean_bound, clean_elbo = _bound(model, x, prng.fold_in(seed, 1), training=False)
        bound += (1.0 - model.mixture_weight) * (clean_bound - bound)
        elbo += (1.0 - model.mixture_weight) * (clean_elbo - elbo)
    return bound, elbo


def _bound(model, x, seed, training):
    m = model.num_monte_carlo_samples
    if training and _draws(model.encoder):  # m copies: each of the m bounds has noise of its own
        copies = tf.tile(x, [m, *[1] * (len(x.shape) - 1)])
        outputs = model.posterior_outputs(copies, training=True)
    else:
        outputs = tf.tile(model.posterior_outputs(x, training=training), [m, 1])
    outputs = tf.reshape(outputs, [m, -1, outputs.shape[-1]])
    estimator = GRADIENT_ESTIMATORS[model.gradient_estimator]
    bound, elbo = estimator(model, x, outputs, model.num_importance_samples, seed)
    return tf.reduce_mean(bound, axis=0), tf.reduce_mean(elbo, axis=0)


def _draws(network):
    """Whether a Keras network has random seeds, which its variables have beside its weights."""
    return len(network.variables) > len(network.weights)
