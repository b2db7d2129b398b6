"""How much of log p(x) is lost in inference, and where."""

import dataclasses

from air_tf import objectives, prng
from air_tf.evaluation.estimate import Estimate
from air_tf.evaluation.iw_svi import IWSVIEstimate, iw_svi
from air_tf.evaluation.map_batches import map_batches
from air_tf.evaluation.optimize_posterior import optimize_posterior
from air_tf.evaluation.streaming_bounds import streaming_bounds


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
    importance_log_likelihood: Estimate
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
    num_samples=5000,
    num_train_samples=8,
    max_steps=500,
    *,
    learning_rate=0.01,
    analytic_kl=True,
    seed=0,
    batch_size=100,
    progress=True,
    backup_dir=None,
):
    """Estimates the inference, approximation and amortization gaps of each example.

        Δ_inf = log p(x) − L(x) = Δ_ap + Δ_am,
        Δ_ap = log p(x) − L(q*_x),  Δ_am = L(q*_x) − L(x)          (Shu et al. 2018, Eqs. 8 to 10)

    log p(x) is the IW-SVI estimate. q*_x maximises the ELBO of that example alone, within the
    variational family. The ELBOs are means over `num_samples` fresh samples.

    Args:
        model: a `VariationalAutoencoder`.
        x: array `[N, *S]`.
        num_samples, num_train_samples, max_steps, learning_rate: as in `iw_svi`; the same numbers
            of samples and steps are used to find q*_x and to measure the ELBOs.
        analytic_kl: use the closed-form KL to optimise q*_x; False for a family without one.
        seed: int; the same seed and batch size give the same numbers.
        batch_size: examples evaluated at once.
        progress: whether to show progress bars with images/s.
        backup_dir: folder for the results of finished batches, from which the same call resumes
            after an interruption; none if None. Delete it when done.

    Returns:
        An `InferenceGaps`.

    Raises:
        ValueError: for invalid pixels or counts < 1.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> x = air_tf.datasets.load("digits").test[:10]
    >>> gaps = air_tf.evaluation.inference_gaps(model, x, 100, max_steps=20, progress=False)
    >>> bool(np.isclose(gaps.inference_gap.mean,
    ...                 gaps.approximation_gap.mean + gaps.amortization_gap.mean))
    True
    """
    options = {
        "seed": seed,
        "batch_size": batch_size,
        "progress": progress,
        "backup_dir": backup_dir,
    }
    log_likelihood = iw_svi(
        model, x, num_samples, num_train_samples, max_steps, learning_rate=learning_rate, **options
    )

    importance, elbo, optimal_elbo = map_batches(
        _bounds,
        model,
        x,
        description="ELBO and gaps",
        num_samples=num_samples,
        num_train_samples=num_train_samples,
        max_steps=max_steps,
        learning_rate=learning_rate,
        analytic_kl=analytic_kl,
        **options,
    )
    return InferenceGaps(log_likelihood, *map(Estimate, (importance, elbo, optimal_elbo)))


def _bounds(model, x, seed, num_samples, **optimization):
    amortized_seed, train_seed, optimal_seed = prng.split(prng.fold_in(seed, 1), 3)
    outputs = model.posterior_outputs(x)
    q = model.variational_family(outputs)
    importance, elbo = streaming_bounds(model, x, q, num_samples, amortized_seed)
    optimal_outputs, _ = optimize_posterior(
        model, x, outputs, objectives.elbo, seed=train_seed, **optimization
    )
    q = model.variational_family(optimal_outputs)
    _, optimal_elbo = streaming_bounds(model, x, q, num_samples, optimal_seed)
    return importance, elbo, optimal_elbo
