"""Test log-likelihood by importance-weighted stochastic variational inference."""

import dataclasses

import numpy as np

from air_tf import checks
from air_tf.evaluation.amortized_posterior import amortized_posterior
from air_tf.evaluation.importance_estimate import ImportanceEstimate
from air_tf.evaluation.map_batches import map_batches
from air_tf.evaluation.optimize_posterior import optimize_posterior
from air_tf.evaluation.streaming_bounds import Bounds, streaming_bounds

# Bound against time: docs/performance.md.
QUALITIES = {
    "fast": {"num_samples": 3000, "num_train_samples": 8, "max_steps": 120},
    "default": {"num_samples": 5000, "num_train_samples": 16, "max_steps": 80},
    "tight": {"num_samples": 10_000, "num_train_samples": 32, "max_steps": 200},
}
LEARNING_RATE = 0.1
# k samples reach further than the k̂ that q* is fitted with, so that a wider q* is better for them.
_WIDENING = 1.1


@dataclasses.dataclass(frozen=True)
class IWSVIEstimate(ImportanceEstimate):
    """An `ImportanceEstimate` that also has `num_steps` `[N]`, the optimization steps."""

    num_steps: np.ndarray


def iw_svi(
    model,
    x,
    num_samples=None,
    num_train_samples=None,
    max_steps=None,
    *,
    quality="default",
    learning_rate=LEARNING_RATE,
    seed=0,
    batch_size=100,
    progress=True,
    backup_dir=None,
):
    """Estimates log p(x) by IW-SVI, in nats.

    It starts from the encoder's q(z|x) (clean x). Gradient steps on the variational parameters of
    each example maximise its IWAE-k̂ bound and give q*: see `optimize_posterior`. Then the IWAE-k
    bound is estimated with q* on fresh samples; for it, q* is widened by a factor of 1.1. It is a
    lower bound in expectation and tightens as T, k̂ and k grow.
                                                             (Shu et al. 2018, Eqs. 41 and 42)

    Args:
        model: a `VariationalAutoencoder`; its decoder does not change.
        x: array `[N, *S]`.
        num_samples: k ≥ 1.
        num_train_samples: k̂ ≥ 1.
        max_steps: T ≥ 1. Every example takes T steps: the learning rate falls to 0 over them.
        quality: "fast", "default" or "tight": k, k̂ and T where they are not given (3,000, 8, 120;
            5,000, 16, 80; 10,000, 32, 200).
        learning_rate: first rate of the steps, in units in which q changes equally fast everywhere.
        seed: int; the same seed and batch size give the same numbers.
        batch_size: examples evaluated at once.
        progress: whether to show a progress bar with images/s.
        backup_dir: folder for the results of finished batches, from which the same call resumes
            after an interruption; none if None. Delete it when done.

    Returns:
        An `IWSVIEstimate`: an `Estimate` with `effective_sample_size`, `pareto_k` and `num_steps`,
        `[N]`. It warns with the share of examples whose estimate a few weights decide.

    Raises:
        ValueError: for invalid pixels, counts < 1 or an unknown quality.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> x = air_tf.datasets.load("digits").test[:10]
    >>> result = air_tf.evaluation.iw_svi(model, x, 100, max_steps=20, progress=False)
    >>> result.num_steps.tolist()
    [20, 20, 20, 20, 20, 20, 20, 20, 20, 20]
    """
    effort = spent_effort(quality, num_samples, num_train_samples, max_steps)
    title = f"IW-SVI-{effort['num_samples']}"
    bounds = map_batches(
        _bound,
        model,
        x,
        seed=seed,
        batch_size=batch_size,
        description=title,
        progress=progress,
        backup_dir=backup_dir,
        learning_rate=checks.positive("learning_rate", learning_rate),
        **effort,
    )
    return estimate_of(Bounds(*bounds), effort).warned(title)


def estimate_of(bounds, effort):
    """The `IWSVIEstimate` of `Bounds` for all examples, by an effort of `spent_effort`."""
    num_steps = np.full(len(bounds.iwae), effort["max_steps"])
    return IWSVIEstimate.of(bounds, effort["num_samples"], num_steps=num_steps)


def spent_effort(quality="default", num_samples=None, num_train_samples=None, max_steps=None):
    """{"num_samples": k, "num_train_samples": k̂, "max_steps": T}: as given, else of the quality.

    Raises:
        ValueError: for counts < 1 or an unknown quality.
    """
    given = {
        "num_samples": num_samples,
        "num_train_samples": num_train_samples,
        "max_steps": max_steps,
    }
    default = QUALITIES[checks.one_of("quality", quality, QUALITIES)]
    return {
        name: checks.positive_int(name, default[name] if value is None else value)
        for name, value in given.items()
    }


def _bound(run, x, seed, **effort):
    outputs, seeds = run(amortized_posterior, x, seed)
    return optimal_bound(run, x, outputs, seeds[:2], **effort)[1]


def optimal_bound(run, x, outputs, seeds, num_samples, num_train_samples, max_steps, learning_rate):
    """q* of each example and its IWAE-k bound.

    Args:
        run, x: as `map_batches` gives them.
        outputs: starting point, raw parameters of q.
        seeds: two seeds, of the steps and of the bound.
        num_samples, num_train_samples, max_steps, learning_rate: as in `iw_svi`.

    Returns:
        Raw parameters of q*, which the bound widens, and `Bounds`.
    """
    train_seed, final_seed = seeds
    optimal = run(
        optimize_posterior,
        x,
        outputs,
        train_seed,
        max_steps,
        learning_rate,
        True,
        num_train_samples=num_train_samples,
    )
    return optimal, run(streaming_bounds, x, optimal, final_seed, num_samples, _WIDENING)
