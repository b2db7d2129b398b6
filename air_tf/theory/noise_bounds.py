"""Two bounds of log p(x) with a noisy encoder: its noise averaged out of q, or not."""

import dataclasses
import os

import keras
import numpy.typing as npt
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf import checks, prng
from air_tf.evaluation import Estimate
from air_tf.evaluation.map_batches import map_batches
from air_tf.theory.seeded_noise import seeded_noise


@dataclasses.dataclass(frozen=True)
class NoiseBounds:
    """Bounds of log p(x) with the noise of the encoder, each an `Estimate` in nats.

    They come from the same random numbers: `bounds.marginal - bounds.auxiliary` is paired.

    Attributes:
        marginal: the ELBO of q(z|x) = E_ε q(z|x + ε), the noise averaged out.
        auxiliary: the denoising bound of Eq. 13, where the noise is an auxiliary variable.
    """

    marginal: Estimate
    auxiliary: Estimate


def noise_bounds(
    model: keras.Model,
    x: npt.ArrayLike,
    num_noise_samples: int = 20,
    num_samples: int = 200,
    *,
    seed: int = 0,
    batch_size: int = 100,
    progress: bool = True,
    backup_dir: str | os.PathLike | None = None,
) -> NoiseBounds:
    """Two bounds of log p(x) with the noisy encoder, in the order of Appendix B, in nats.

        L_auxiliary = E_ε E_{z~q(z|x+ε)}[log p(x, z) − log q(z|x+ε)]      (Shu et al. 2018, Eq. 13)
        L_marginal  = E_{z~q_m(z|x)}[log p(x, z) − log q_m(z|x)],  q_m(z|x) = E_ε q(z|x+ε)

    log p(x) ≥ L_marginal ≥ L_auxiliary: the denoising bound, which trains the model, is the looser
    one. The density q_m is not known, so the estimate has M draws of the noise in its place, of
    which one made z (Yin and Zhou 2018, semi-implicit variational inference):

        E log p(x, z_j) − log (1/M) Σ_m q(z_j|x+ε_m),  z_j ~ q(z|x+ε_j)

    In expectation, this is L_auxiliary for M = 1, grows with M, and tends to L_marginal from below.
    So the order holds for any M. It is at most log M above L_auxiliary: if it comes near that, take
    more noises.

    Both are bounds for one sample, whatever k the model trains with. The encoder behaves as in
    training: α of `NoiseInjection` counts, the model's `mixture_weight` does not. The decoder
    behaves as in inference.

    Args:
        model: a `VariationalAutoencoder`; it does not change.
        x: array `[N, *S]`.
        num_noise_samples: M ≥ 1.
        num_samples: how often M noises are drawn; each of them makes a z.
        seed: int; the same seed, batch size and number of replicas give the same numbers.
        batch_size: examples evaluated at once.
        progress: whether to show a progress bar with images/s.
        backup_dir: folder for the results of finished batches, from which the same call resumes
            after an interruption; none if None. Delete it when done.

    Returns:
        A `NoiseBounds`.

    Raises:
        ValueError: for unfit x or counts < 1.

    Example:
    >>> model = air_tf.create_model("dvae", input_dim=64, noise_stddev=2.0, seed=0)
    >>> x = air_tf.datasets.load("digits").test[:10]
    >>> bounds = air_tf.theory.noise_bounds(model, x, 5, 10, progress=False)
    >>> bool((bounds.marginal - bounds.auxiliary).mean > 0)
    True
    """
    bounds = map_batches(
        _bounds,
        model,
        x,
        seed=seed,
        batch_size=batch_size,
        description="bounds with noise",
        progress=progress,
        backup_dir=backup_dir,
        num_noise_samples=checks.positive_int("num_noise_samples", num_noise_samples),
        num_samples=checks.positive_int("num_samples", num_samples),
    )
    return NoiseBounds(*map(Estimate, bounds))


def _bounds(run, x, seed, num_noise_samples, num_samples):
    return run(_mean_log_weights, x, seed, num_samples, num_noise_samples=num_noise_samples)


def _mean_log_weights(model, x, seed, num_samples, *, num_noise_samples):
    def add_draw(i, marginal, auxiliary):
        more = _log_weights(model, x, prng.fold_in(seed, i), num_noise_samples)
        return i + 1, marginal + more[0], auxiliary + more[1]

    zeros = tf.zeros(tf.shape(x)[:1], model.density_dtype)
    with seeded_noise(model, prng.fold_in(seed, -1)):
        _, *sums = tf.while_loop(
            lambda i, *_: i < num_samples, add_draw, [tf.constant(0), zeros, zeros]
        )
    return tuple(total / tf.cast(num_samples, total.dtype) for total in sums)


def _log_weights(model, x, seed, num_noise_samples):
    """The log weights of each example under q_m and under q, means over M noises."""
    copies = tf.tile(x, [num_noise_samples, *[1] * (len(x.shape) - 1)])
    outputs = model.posterior_outputs(copies, training=True)
    outputs = tf.reshape(outputs, [num_noise_samples, -1, outputs.shape[-1]])
    q = model.variational_family(outputs)
    mixture = tfp.distributions.MixtureSameFamily(
        tfp.distributions.Categorical(logits=tf.zeros([num_noise_samples], q.dtype)),
        model.variational_family(tf.transpose(outputs, [1, 0, 2])),
    )
    z = model.variational_family.sample(q, 1, seed)
    return [tf.reduce_mean(model.log_weights_at(x, of_z, z), [0, 1]) for of_z in (mixture, q)]
