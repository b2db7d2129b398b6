"""How much of log p(x) is lost in inference, and where."""

import dataclasses

from air_tf import checks
from air_tf.evaluation.amortized_posterior import amortized_posterior
from air_tf.evaluation.estimate import Estimate
from air_tf.evaluation.importance_estimate import ImportanceEstimate
from air_tf.evaluation.iw_svi import (
    LEARNING_RATE,
    IWSVIEstimate,
    estimate_of,
    optimal_bound,
    spent_effort,
)
from air_tf.evaluation.map_batches import map_batches
from air_tf.evaluation.optimize_posterior import optimize_posterior
from air_tf.evaluation.streaming_bounds import Bounds, streaming_bounds


@dataclasses.dataclass(frozen=True)
class InferenceGaps:
    """log p(x), the bounds below it, and the gaps between them, each an `Estimate` in nats.

    Attributes:
        log_likelihood: log p(x) by IW-SVI.
        importance_log_likelihood: the IWAE-k bound with the amortized q(z|x).
        elbo: L(x), the amortized ELBO.
        optimal_elbo: L(q*_x), the ELBO with q optimised for each example separately.
    """

    log_likelihood: IWSVIEstimate
    importance_log_likelihood: ImportanceEstimate
    elbo: Estimate
    optimal_elbo: Estimate

    @property
    def inference_gap(self):
        """Δ_inf = log p(x) − L(x)."""
        return self.log_likelihood - self.elbo

    @property
    def approximation_gap(self):
        """Δ_ap = log p(x) − L(q*_x)."""
        return self.log_likelihood - self.optimal_elbo

    @property
    def amortization_gap(self):
        """Δ_am = L(q*_x) − L(x)."""
        return self.optimal_elbo - self.elbo

    def summary(self):
        """All seven quantities as `{"mean", "standard_error"}`, ready for JSON."""
        names = [field.name for field in dataclasses.fields(self)]
        names += ["inference_gap", "approximation_gap", "amortization_gap"]
        return {name: getattr(self, name).summary() for name in names}


def inference_gaps(
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
    """Estimates the inference, approximation and amortization gaps of each example.

        Δ_inf = log p(x) − L(x) = Δ_ap + Δ_am,
        Δ_ap = log p(x) − L(q*_x),  Δ_am = L(q*_x) − L(x)          (Shu et al. 2018, Eqs. 8 to 10)

    log p(x) is the estimate of `iw_svi` with the same arguments. q*_x maximises the ELBO of that
    example alone, within the variational family: it is found in half as many steps, from the q that
    `iw_svi` has found. L(x) is a mean over k fresh samples and L(q*_x) over k/10: with 500, its
    sampling error was at most 0.02 of its error over images, on the four data sets of the zoo.

    Args:
        model: a `VariationalAutoencoder`.
        x: array `[N, *S]`.
        num_samples, num_train_samples, max_steps, quality, learning_rate: as in `iw_svi`.
        seed: int; the same seed and batch size give the same numbers.
        batch_size: examples evaluated at once.
        progress: whether to show a progress bar with images/s.
        backup_dir: folder for the results of finished batches, from which the same call resumes
            after an interruption; none if None. Delete it when done.

    Returns:
        An `InferenceGaps`.

    Raises:
        ValueError: for invalid pixels, counts < 1 or an unknown quality.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> x = air_tf.datasets.load("digits").test[:10]
    >>> gaps = air_tf.evaluation.inference_gaps(model, x, 100, max_steps=20, progress=False)
    >>> bool(np.isclose(gaps.inference_gap.mean,
    ...                 gaps.approximation_gap.mean + gaps.amortization_gap.mean))
    True
    """
    effort = spent_effort(quality, num_samples, num_train_samples, max_steps)
    *bounds, optimal_elbo = map_batches(
        _bounds,
        model,
        x,
        seed=seed,
        batch_size=batch_size,
        description="log p(x) and gaps",
        progress=progress,
        backup_dir=backup_dir,
        learning_rate=checks.positive("learning_rate", learning_rate),
        **effort,
    )
    size, k = len(Bounds._fields), effort["num_samples"]
    of_optimal, of_amortized = Bounds(*bounds[:size]), Bounds(*bounds[size:])
    return InferenceGaps(
        estimate_of(of_optimal, effort).warned(f"IW-SVI-{k}"),
        ImportanceEstimate.of(of_amortized, k).warned(f"IWAE-{k}"),
        Estimate(of_amortized.elbo),
        Estimate(optimal_elbo),
    )


def _bounds(run, x, seed, num_samples, num_train_samples, max_steps, learning_rate):
    outputs, seeds = run(amortized_posterior, x, seed)
    effort = num_samples, num_train_samples, max_steps, learning_rate
    optimal, of_optimal = optimal_bound(run, x, outputs, seeds[:2], *effort)
    of_amortized = run(streaming_bounds, x, outputs, seeds[2], num_samples, 1.0)
    optimal = run(
        optimize_posterior,
        x,
        optimal,
        seeds[3],
        -(-max_steps // 2),
        learning_rate,
        False,
        num_train_samples=num_train_samples,
    )
    at_optimum = run(streaming_bounds, x, optimal, seeds[4], -(-num_samples // 10), 1.0)
    return *of_optimal, *of_amortized, at_optimum.elbo
