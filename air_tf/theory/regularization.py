"""What the regularized encoder takes from the training objective."""

import os

import keras
import numpy.typing as npt
import tensorflow as tf

from air_tf import checks, objectives, prng
from air_tf.evaluation import Estimate, iw_svi, spent_effort
from air_tf.evaluation.map_batches import map_batches
from air_tf.theory.seeded_noise import seeded_noise


def regularization(
    model: keras.Model,
    x: npt.ArrayLike,
    num_samples: int = 200,
    *,
    quality: str = "default",
    seed: int = 0,
    batch_size: int = 100,
    progress: bool = True,
    backup_dir: str | os.PathLike | None = None,
) -> Estimate:
    """R: what amortized inference takes from log p(x) in the training objective, in nats.

        R = log p(x) − L_{σ,H,k}(x)                     (Shu et al. 2018, Eqs. 13, 23)

    L is the bound that the model trains with, `objectives.training_bound`, with the noise σ (and
    its weight α), the caps H and the k of the model. The paper's R(θ; σ, H, k) has the encoder that
    is best for the decoder θ on the data; here it is the encoder that the model has. So train it to
    convergence with `model.decoder.trainable = False` before you compare: then R grows with σ
    and falls with H (Proposition 1) and k (Proposition 3).

    Args:
        model: a `VariationalAutoencoder`; it does not change.
        x: array `[N, *S]`. Propositions 1 and 3 are about the data that the encoder is trained on.
        num_samples: draws of the training bound that are averaged, each with noise of its own.
        quality: of IW-SVI, as in `iw_svi`, which estimates log p(x). As it is a lower bound in
            expectation, R is too small by what the bound lacks.
        seed: int; the same seed, batch size and number of replicas give the same numbers.
        batch_size: examples evaluated at once.
        progress: whether to show progress bars with images/s.
        backup_dir: folder for the results of finished batches, from which the same call resumes
            after an interruption; none if None. Delete it when done.

    Returns:
        An `Estimate`. Those of two encoders on the same x are paired: their difference has the
        standard error of the per-example differences.

    Raises:
        ValueError: for unfit x, `num_samples` < 1 or an unknown quality.

    Example:
    >>> model = air_tf.create_model("dvae", input_dim=64, noise_stddev=0.5, seed=0)
    >>> x = air_tf.datasets.load("digits").test[:10]
    >>> r = air_tf.theory.regularization(model, x, 20, quality="fast", progress=False)
    >>> bool(np.all(r.per_example > 0))
    True
    """
    spent_effort(quality)  # refuses an unknown one before the work
    num_samples = checks.positive_int("num_samples", num_samples)
    shared = {
        "seed": seed,
        "batch_size": batch_size,
        "progress": progress,
        "backup_dir": backup_dir,
    }
    (bound,) = map_batches(
        _bound, model, x, description="training bound", num_samples=num_samples, **shared
    )
    return iw_svi(model, x, quality=quality, **shared) - Estimate(bound)


def _bound(run, x, seed, num_samples):
    return (run(_mean_bound, x, seed, num_samples),)


def _mean_bound(model, x, seed, num_samples):
    def add_draw(i, total):
        bound, _ = objectives.training_bound(model, x, prng.fold_in(seed, i))
        return i + 1, total + bound

    zeros = tf.zeros(tf.shape(x)[:1], model.density_dtype)
    with seeded_noise(model, prng.fold_in(seed, -1)):
        _, total = tf.while_loop(lambda i, _: i < num_samples, add_draw, [0, zeros])
    return total / tf.cast(num_samples, total.dtype)
