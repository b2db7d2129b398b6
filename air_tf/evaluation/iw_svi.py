"""Test log-likelihood by importance-weighted stochastic variational inference."""

import dataclasses

import numpy as np

from air_tf import checks, objectives, prng
from air_tf.evaluation.estimate import Estimate
from air_tf.evaluation.map_batches import map_batches
from air_tf.evaluation.optimize_posterior import optimize_posterior
from air_tf.evaluation.streaming_bounds import streaming_bounds


@dataclasses.dataclass(frozen=True)
class IWSVIEstimate(Estimate):
    """An `Estimate` that also has `num_steps` `[N]`, the optimization steps of each example."""

    num_steps: np.ndarray


def iw_svi(
    model,
    x,
    num_samples=5000,
    num_train_samples=8,
    max_steps=500,
    *,
    learning_rate=0.01,
    seed=0,
    batch_size=100,
    progress=True,
    backup_dir=None,
):
    """Estimates log p(x) by IW-SVI, in nats.

    It starts from the encoder's q(z|x) (clean x). Gradient steps on the variational parameters of
    each example maximise its IWAE-k̂ bound and give q*. Then the IWAE-k bound is estimated with q*
    on fresh samples. It is a lower bound in expectation and tightens as T, k̂ and k grow.
                                                             (Shu et al. 2018, Eqs. 41 and 42)

    Args:
        model: a `VariationalAutoencoder`; its decoder does not change.
        x: array `[N, *S]`.
        num_samples: k ≥ 1.
        num_train_samples: k̂ ≥ 1.
        max_steps: T ≥ 1; an example stops earlier if its bound has not improved for 10 windows of
            10 steps.
        learning_rate: learning rate of Adam for the variational parameters.
        seed: int; the same seed and batch size give the same numbers.
        batch_size: examples evaluated at once.
        progress: whether to show a progress bar with images/s.
        backup_dir: folder for the results of finished batches, from which the same call resumes
            after an interruption; none if None. Delete it when done.

    Returns:
        An `IWSVIEstimate`: an `Estimate` with `num_steps` `[N]`.

    Raises:
        ValueError: for invalid pixels or counts < 1.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> x = air_tf.datasets.load("digits").test[:10]
    >>> result = air_tf.evaluation.iw_svi(model, x, 100, max_steps=20, progress=False)
    >>> result.num_steps.tolist()
    [20, 20, 20, 20, 20, 20, 20, 20, 20, 20]
    """
    num_samples = checks.positive_int("num_samples", num_samples)
    num_train_samples = checks.positive_int("num_train_samples", num_train_samples)
    max_steps = checks.positive_int("max_steps", max_steps)
    learning_rate = checks.positive("learning_rate", learning_rate)

    values, num_steps = map_batches(
        _bound,
        model,
        x,
        seed=seed,
        batch_size=batch_size,
        description=f"IW-SVI-{num_samples}",
        progress=progress,
        backup_dir=backup_dir,
        num_samples=num_samples,
        num_train_samples=num_train_samples,
        max_steps=max_steps,
        learning_rate=learning_rate,
    )
    return IWSVIEstimate(values, num_steps)


def _bound(model, x, seed, num_samples, **optimization):
    train_seed, final_seed = prng.split(seed)
    outputs, num_steps = optimize_posterior(
        model,
        x,
        model.posterior_outputs(x),
        objectives.iwae_bound,
        seed=train_seed,
        **optimization,
    )
    q = model.variational_family(outputs)
    values, _ = streaming_bounds(model, x, q, num_samples, final_seed)
    return values, num_steps
