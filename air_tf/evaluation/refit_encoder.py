"""Refits the encoder to a decoder that stays as it is."""

import functools
import pathlib

import keras
import numpy as np
import tensorflow as tf

from air_tf import checks, prng
from air_tf.evaluation.simulate import simulate
from air_tf.evaluation.train_encoder import train_encoder
from air_tf.program import program

_AT_ONCE = 1000  # examples simulated at once: more would only take more memory


def refit_encoder(
    model,
    x: np.ndarray,
    *,
    encoder: keras.Model | None = None,
    latents_from: str = "posterior",
    epochs: int = 100,
    batch_size: int = 100,
    learning_rate: float = 3e-4,
    seed: int = 0,
    progress: bool = True,
    backup_dir: str | pathlib.Path | None = None,
) -> keras.Model:
    """Trains the encoder on, with data and with samples of the model; the decoder stays.

        max_φ Σ_n ELBO(x_n; φ) + ELBO(x′_n; φ),   x′_n ~ p(x′|z), z ~ q(z|x_n) or p(z)
                     ("reverse half-asleep"; Zhang, Hayes & Barber 2022, "Generalization Gap in
                      Amortized Inference")

    As the decoder stays, so does log p(x). Samples of the model never run out: the encoder can
    overfit to them less than to data. So the ELBO and the amortization gap of new data should
    improve. Here the bound is that of the model's own training: with its k, m and gradient
    estimator, and with the encoder's noise and caps.

    An epoch takes each x_n, and beside it an x′_n that is drawn for this epoch alone, by the model
    as it was given; both are shuffled together. Adam's learning rate falls to 0 by a cosine. Under
    the multinomial likelihood x′_n has the total of x_n.

    Args:
        model: a `VariationalAutoencoder`; neither it nor its optimizer changes. Of a subclass,
            `from_config` must be able to make a copy.
        x: training examples `[N, *S]`.
        encoder: Keras encoder that takes the place of the model's own, and is trained from the
            weights it has; it does not change. A regularized one has `NoiseInjection` or
            `NormCappedDense` layers.
        latents_from: "posterior" for z ~ q(z|x_n) of the model as it was given, or "prior".
        epochs: passes over the N examples and as many samples.
        batch_size: examples and samples in a step.
        learning_rate: first rate of the steps.
        seed: int; the same seed gives the same numbers.
        progress: whether to show a bar of the epochs, with the ELBO in nats.
        backup_dir: folder for the state after the last epochs, from which the same call resumes
            after an interruption; none if None. Delete it when done.

    Returns:
        A new model of the same class, not compiled. Its decoder is equal bit for bit, and its
        weights are trainable where those of the model and the encoder are.

    Raises:
        ValueError: for invalid examples, counts < 1, a rate that is not positive or too high for
            a finite bound, an encoder that does not fit or has nothing to train, or a subclass
            without a copy.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, latent_dim=8, seed=0)
    >>> x = air_tf.datasets.load("digits").train[:200]
    >>> refitted = air_tf.evaluation.refit_encoder(model, x, epochs=1, progress=False)
    >>> kernels = [m.decoder.layers[0].kernel.numpy() for m in (model, refitted)]
    >>> bool(np.all(kernels[0] == kernels[1]))
    True
    """
    x = model.observations(x)
    checks.one_of("latents_from", latents_from, ("posterior", "prior"))
    options = {
        "epochs": checks.positive_int("epochs", epochs),
        "batch_size": checks.positive_int("batch_size", batch_size),
        "learning_rate": checks.positive("learning_rate", learning_rate),
    }
    simulated = program(functools.partial(_simulated, model, latents_from))

    def samples(epoch):
        of_epoch = prng.fold_in(seed, epoch)
        parts = [
            simulated(tf.constant(x[first : first + _AT_ONCE]), prng.fold_in(of_epoch, first))
            for first in range(0, len(x), _AT_ONCE)
        ]
        return np.concatenate(parts)

    return train_encoder(
        model,
        model.encoder if encoder is None else encoder,
        x,
        samples,
        latents_from,
        seed=seed,
        progress=progress,
        backup_dir=backup_dir,
        **options,
    )


def _simulated(model, latents_from, x, seed):
    """x′ `[B, *S]` beside x `[B, *S]`."""
    of_z, of_x = prng.split(seed)
    if latents_from == "prior":
        z = prng.normal([x.shape[0], model.latent_dim], of_z, model.density_dtype)
    else:
        q = model.variational_family(model.posterior_outputs(x))
        z = model.variational_family.sample(q, 1, of_z)[0]
    return simulate(model, z, of_x, x)
