"""Test log-likelihood by annealed importance sampling."""

import dataclasses

import numpy as np
import tensorflow as tf

from air_tf import objectives
from air_tf.evaluation import annealed_weights
from air_tf.evaluation.amortized_posterior import amortized_posterior
from air_tf.evaluation.estimate import Estimate
from air_tf.evaluation.map_batches import map_batches


@dataclasses.dataclass(frozen=True)
class AISEstimate(Estimate):
    """An `Estimate` that also says how the chains went.

    Attributes:
        acceptance: mean probability of acceptance `[N]`; far from 0.7, the step size was wrong.
        effective_sample_size: (Σ w)²/Σ w² over the chains `[N]`, from 1 to C.
        step_size: mean step size ε `[N]`, in units of the assumed posterior's scale.
    """

    acceptance: np.ndarray
    effective_sample_size: np.ndarray
    step_size: np.ndarray


def ais(
    model,
    x,
    num_temperatures=1000,
    num_chains=8,
    num_leapfrog_steps=5,
    *,
    start="prior",
    seed=0,
    batch_size=100,
    progress=True,
    backup_dir=None,
) -> AISEstimate:
    """Estimates log p(x) by annealed importance sampling with Hamiltonian Monte Carlo, in nats.

    Chains go from r(z) to the posterior through densities r(z)^(1−β)·p(x, z)^β. Their weights w
    are unbiased, E w = p(x), so log (1/C) Σ_c w_c is a lower bound in expectation. It tightens with
    T and C (Neal 2001; Wu et al. 2017). From the prior, it is a second opinion: a bad encoder makes
    the chains slower, but the encoder's q(z|x) is not where they start.

    A pilot on other random numbers adapts the step size of each example to the acceptance, along
    the schedule. Then the step sizes are frozen: adapting them in the counted run would bias w.

    Args:
        model: a `VariationalAutoencoder`.
        x: array `[N, *S]`.
        num_temperatures: T ≥ 1.
        num_chains: C ≥ 1 for each example.
        num_leapfrog_steps: L ≥ 1 of each transition; a transition takes L passes through the
            decoder and back.
        start: "prior" or "encoder": r is p(z) or q(z|x).
        seed: int; the same seed and batch size give the same numbers.
        batch_size: examples evaluated at once.
        progress: whether to show a progress bar with images/s.
        backup_dir: folder for the results of finished batches, from which the same call resumes
            after an interruption; none if None. Delete it when done.

    Returns:
        An `AISEstimate`.

    Raises:
        ValueError: for invalid pixels, counts < 1 or an unknown start.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> x = air_tf.datasets.load("digits").test[:10]
    >>> result = air_tf.evaluation.ais(model, x, 20, num_chains=2, progress=False)
    >>> result.per_example.shape, result.acceptance.shape
    ((10,), (10,))
    """
    values, acceptance, sample_size, step_size = map_batches(
        _annealed,
        model,
        x,
        seed=seed,
        batch_size=batch_size,
        description="AIS",
        progress=progress,
        backup_dir=backup_dir,
        **annealed_weights.options(num_temperatures, num_chains, num_leapfrog_steps, start),
    )
    return AISEstimate(values, acceptance, sample_size, step_size)


def _annealed(run, x, seed, num_temperatures, num_chains, **options):
    outputs, seeds = run(amortized_posterior, x, seed)
    log_weights, acceptance, step_sizes = annealed_weights.weighed(
        run, x, outputs, seeds[:4], num_temperatures, num_chains, **options
    )
    return run(_reduced, x, log_weights, acceptance, step_sizes)


def _reduced(model, x, log_weights, acceptance, step_sizes):
    del model, x
    total = tf.reduce_logsumexp(log_weights, axis=0)
    effective = tf.exp(2 * total - tf.reduce_logsumexp(2 * log_weights, axis=0))
    bound = objectives.iwae_bound(log_weights)
    return bound, acceptance, effective, tf.reduce_mean(step_sizes, axis=0)
