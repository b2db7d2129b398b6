"""Test log-likelihood by plain importance sampling."""

from air_tf import checks
from air_tf.evaluation.amortized_posterior import amortized_posterior
from air_tf.evaluation.importance_estimate import ImportanceEstimate
from air_tf.evaluation.map_batches import map_batches
from air_tf.evaluation.streaming_bounds import Bounds, streaming_bounds


def importance_log_likelihood(
    model, x, num_samples=5000, *, seed=0, batch_size=100, progress=True, backup_dir=None
):
    """Estimates log p(x) by the IWAE-k bound with the encoder's q(z|x), in nats.

        log (1/k) Σ_i p(x, z_i)/q(z_i|x),  z_i ~ q(z|x), clean x        (Shu et al. 2018, Eq. 40)

    It is a lower bound in expectation and tightens with k. Memory does not grow with k. If a few
    weights decide the estimates of some examples, it warns with their share.

    Args:
        model: a `VariationalAutoencoder`.
        x: array `[N, *S]`.
        num_samples: k ≥ 1, used exactly.
        seed: int; the same seed and batch size give the same numbers.
        batch_size: examples evaluated at once.
        progress: whether to show a progress bar with images/s.
        backup_dir: folder for the results of finished batches, from which the same call resumes
            after an interruption; none if None. Delete it when done.

    Returns:
        An `ImportanceEstimate`: an `Estimate` with `effective_sample_size` and `pareto_k` `[N]`.

    Raises:
        ValueError: for invalid pixels or `num_samples` < 1.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> x = air_tf.datasets.load("digits").test[:10]
    >>> result = air_tf.evaluation.importance_log_likelihood(model, x, 100, progress=False)
    >>> result.per_example.shape
    (10,)
    """
    num_samples = checks.positive_int("num_samples", num_samples)

    bounds = map_batches(
        _bound,
        model,
        x,
        seed=seed,
        batch_size=batch_size,
        description=f"IWAE-{num_samples}",
        progress=progress,
        backup_dir=backup_dir,
        num_samples=num_samples,
    )
    title = f"IWAE-{num_samples}"
    return ImportanceEstimate.of(Bounds(*bounds), num_samples).warned(title)


def _bound(run, x, seed, num_samples):
    outputs, _ = run(amortized_posterior, x, seed)
    return run(streaming_bounds, x, outputs, seed, num_samples, 1.0)
