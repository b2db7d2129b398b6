"""The named models: a table of what each regularizes, and the networks they share."""

import typing

import keras
import numpy as np

from air_tf import checks, distributions
from air_tf.layers import NoiseInjection, NormCappedConv2D, NormCappedDense
from air_tf.models import architectures
from air_tf.models.variational_autoencoder import VariationalAutoencoder


class _Row(typing.NamedTuple):
    importance_weighted: bool
    denoising_weight: float  # α; 0 = no noise
    norm_capped: bool


_MODELS = {
    "vae": _Row(False, 0.0, False),
    "dvae": _Row(False, 1.0, False),
    "dvae_half": _Row(False, 0.5, False),
    "wni_vae": _Row(False, 0.0, True),
    "dwni_vae": _Row(False, 1.0, True),
    "iwae": _Row(True, 0.0, False),
    "diwae": _Row(True, 1.0, False),
    "diwae_half": _Row(True, 0.5, False),
    "wni_iwae": _Row(True, 0.0, True),
    "dwni_iwae": _Row(True, 1.0, True),
}


def list_models():
    """Names that `create_model` knows.

    Example:
    >>> air_tf.list_models()  # doctest: +ELLIPSIS
    ['vae', 'dvae', 'dvae_half', 'wni_vae', 'dwni_vae', 'iwae', 'diwae', ...]
    """
    return list(_MODELS)


def create_model(
    name,
    input_dim=None,
    latent_dim=50,
    encoder_units=(200, 200),
    decoder_units=(200, 200),
    *,
    input_shape=None,
    architecture="mlp",
    num_importance_samples=None,
    num_monte_carlo_samples=1,
    num_validation_samples=64,
    noise_stddev=None,
    noise_kind=None,
    denoising_weight=None,
    denoising_form="coin",
    max_norm=None,
    cap="min",
    activation="tanh",
    variational_family="diagonal_gaussian",
    likelihood="bernoulli",
    analytic_kl=False,
    gradient_estimator="standard",
    seed=None,
    dtype=None,
):
    """Builds a named model of Shu et al. 2018 as a `VariationalAutoencoder`.

    | name | k | encoder |
    |---|---|---|
    | `vae` / `iwae` | 1 / k | plain |
    | `dvae` / `diwae` | 1 / k | noise σ with weight α = 1 |
    | `dvae_half` / `diwae_half` | 1 / k | noise σ with weight α = 0.5 |
    | `wni_vae` / `wni_iwae` | 1 / k | kernels' columns capped at norm H |
    | `dwni_vae` / `dwni_iwae` | 1 / k | noise and cap together |

    A larger encoder (Appendix A) is a matter of `encoder_units`. The decoder is never regularized.

    Args:
        name: one of `list_models()`.
        input_dim: D, for observations `[N, D]`.
        input_shape: S, for observations `[N, *S]`; one of the two is needed.
        architecture: "mlp", or "conv" for images `[N, h, w, channels]`: two convolutions of stride
            2 before the hidden layers of the encoder, their transposes after those of the decoder.
        latent_dim: Z, the number of latents.
        encoder_units, decoder_units: widths of the hidden layers, from input to output; may be ().
        num_importance_samples: k; 1 for a VAE, 8 by default for an IWAE.
        num_monte_carlo_samples: m, independent k-sample bounds averaged per example.
        num_validation_samples: samples of the bound reported as `iwae` in evaluation.
        noise_stddev: σ of a denoising model, 0.2 by default; the rate of the other kinds of noise.
        noise_kind: "gaussian" (by default), "masking" or "salt_and_pepper"; see `NoiseInjection`.
        denoising_weight: α of a denoising model, if not the row's own.
        denoising_form: "coin" (each example gets noise with probability α, one pass) or "mixture"
            (α·L_σ + (1−α)·L, two passes); equal in expectation (Eq. 16).
        max_norm: H of a norm-capped model, 2.0 by default.
        cap: form of the cap, "min" or "sigmoid" (see `NormCappedDense`).
        activation: of the hidden layers.
        variational_family, likelihood, analytic_kl, gradient_estimator: as in
            `VariationalAutoencoder`.
        seed: optional int; the same seed gives the same initial weights and random numbers.
        dtype: Keras dtype or policy, such as "mixed_bfloat16"; None for the global policy.

    Returns:
        A `VariationalAutoencoder`, not yet compiled.

    Raises:
        ValueError: for an unknown name (with the nearest known one), a value out of range, or a
            regularizer that the named model does not have.

    Example:
    >>> model = air_tf.create_model("diwae", input_dim=784, num_importance_samples=8,
    ...                             noise_stddev=0.2, seed=0)
    >>> model.encoder.layers[0].stddev, model.num_importance_samples
    (0.2, 8)
    >>> model = air_tf.create_model("wni_vae", input_shape=(28, 28, 1), architecture="conv")
    >>> model.decode(tf.zeros([3, 50]))["logits"].shape
    TensorShape([3, 28, 28, 1])
    """
    row = _MODELS[checks.one_of("name", name, _MODELS)]
    shape = _observation_shape(input_dim, input_shape, architecture)
    latent_dim = checks.positive_int("latent_dim", latent_dim)
    k = _setting(
        name, "num_importance_samples", num_importance_samples, row.importance_weighted, 1, 8
    )
    checks.positive_int("num_importance_samples", k)
    noisy = row.denoising_weight > 0
    stddev = _setting(name, "noise_stddev", noise_stddev, noisy, 0.0, 0.2)
    checks.non_negative("noise_stddev", stddev)
    if denoising_weight is not None:
        checks.in_unit_interval("denoising_weight", denoising_weight)
    weight = _setting(name, "denoising_weight", denoising_weight, noisy, 1.0, row.denoising_weight)
    noise_kind = _setting(name, "noise_kind", noise_kind, noisy, "gaussian", "gaussian")
    denoising_form = _setting(name, "denoising_form", denoising_form, noisy, "coin", "coin")
    checks.one_of("denoising_form", denoising_form, ("coin", "mixture"))
    max_norm = _setting(name, "max_norm", max_norm, row.norm_capped, None, 2.0)
    cap = _setting(name, "cap", cap, row.norm_capped, "min", "min")
    family = distributions.get(variational_family, distributions.VARIATIONAL_FAMILIES)
    likelihood = distributions.get(likelihood, distributions.LIKELIHOODS)

    seeds = _seeds(seed)
    mixture = denoising_form == "mixture"
    hidden = {True: activation, False: None}

    def options(is_hidden):
        initializer = keras.initializers.GlorotUniform(seed=next(seeds))
        return {"activation": hidden[is_hidden], "kernel_initializer": initializer, "dtype": dtype}

    def dense(units, is_hidden):
        return keras.layers.Dense(checks.positive_int("units", units), **options(is_hidden))

    def capped_dense(units, is_hidden):
        return NormCappedDense(
            checks.positive_int("units", units), max_norm, cap, **options(is_hidden)
        )

    def convolution(filters, **geometry):
        return keras.layers.Conv2D(filters, **geometry, **options(True))

    def capped_convolution(filters, kernel_size, **geometry):
        return NormCappedConv2D(filters, kernel_size, max_norm, cap, **geometry, **options(True))

    def transpose(filters, is_hidden, **geometry):
        return keras.layers.Conv2DTranspose(filters, **geometry, **options(is_hidden))

    encoder = [keras.Input(shape, dtype=_compute_dtype(dtype))]
    if likelihood.rescaling is not None:
        scale, offset = likelihood.rescaling
        encoder.append(keras.layers.Rescaling(scale, offset, dtype=dtype))
    if noisy:
        probability = 1.0 if mixture else weight
        encoder.append(
            NoiseInjection(stddev, probability, kind=noise_kind, seed=next(seeds), dtype=dtype)
        )
    num_outputs = family.num_outputs(latent_dim)
    layers = (capped_dense, capped_convolution) if row.norm_capped else (dense, convolution)
    encoder += architectures.encoder_layers(
        architecture, shape, encoder_units, num_outputs, *layers
    )
    decoder = [
        keras.Input((latent_dim,), dtype=_compute_dtype(dtype)),
        *architectures.decoder_layers(
            architecture,
            (*shape[:-1], likelihood.num_outputs(shape[-1])),
            decoder_units,
            dense,
            transpose,
        ),
    ]
    return VariationalAutoencoder(
        keras.Sequential(encoder, name="encoder"),
        keras.Sequential(decoder, name="decoder"),
        variational_family=family,
        likelihood=likelihood,
        num_importance_samples=k,
        num_monte_carlo_samples=num_monte_carlo_samples,
        num_validation_samples=num_validation_samples,
        mixture_weight=weight if mixture else 1.0,
        analytic_kl=analytic_kl,
        gradient_estimator=gradient_estimator,
        seed=next(seeds),
        name=name,
        dtype=dtype,
    )


def _setting(model, name, value, applies, neutral, default):
    """The value of a setting, or an error where the named model does not have it."""
    if applies:
        return default if value is None else value
    if value is not None and value != neutral:
        raise ValueError(
            f"The model {model!r} has no `{name}`; see `air_tf.list_models()` for one that has. "
            f"Received: {name}={value!r}"
        )
    return neutral


def _observation_shape(input_dim, input_shape, architecture):
    if (input_dim is None) == (input_shape is None):
        raise ValueError(
            "Give `input_dim` for observations [N, D], or `input_shape` for others. "
            f"Received: {input_dim=}, {input_shape=}"
        )
    shape = (input_dim,) if input_shape is None else tuple(input_shape)
    name = "input_dim" if input_shape is None else "input_shape"
    shape = tuple(checks.positive_int(name, size) for size in shape)
    checks.one_of("architecture", architecture, ("mlp", "conv"))
    if not shape or (architecture == "conv" and len(shape) != 3):
        raise ValueError(
            "`input_shape` must have an axis, and for architecture='conv' be (height, width, "
            f"channels). Received: input_shape={shape}, {architecture=}"
        )
    return shape


def _seeds(seed):
    """Endless independent int seeds (or None) from one."""
    if seed is None:
        while True:
            yield None
    generator = np.random.default_rng(seed)
    while True:
        yield int(generator.integers(2**31))


def _compute_dtype(dtype):
    policy = keras.dtype_policies.get(dtype) if dtype else keras.config.dtype_policy()
    return policy.compute_dtype
