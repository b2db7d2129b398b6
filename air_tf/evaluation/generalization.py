"""How much a trained model loses from training to test data, and which part of it loses it."""

import dataclasses

import numpy as np

from air_tf import plotting
from air_tf.evaluation.difference_of_means import DifferenceOfMeans
from air_tf.evaluation.inference_gaps import InferenceGaps, inference_gaps


@dataclasses.dataclass(frozen=True)
class Generalization:
    """The inference gaps on training and on test data, and what is lost between them, in nats.

    The loss of the ELBO has three parts, which add up:

        L(train) − L(test) = decoder_gap + encoder_gap + family_gap

    Errors are over examples. They say nothing of another training.

    Attributes:
        train, test: the `InferenceGaps` of the training and of the test examples.
    """

    train: InferenceGaps
    test: InferenceGaps

    @property
    def decoder_gap(self) -> DifferenceOfMeans:
        """Log p(train) − log p(test): the decoder overfits."""
        return DifferenceOfMeans(self.train.log_likelihood, self.test.log_likelihood)

    @property
    def encoder_gap(self) -> DifferenceOfMeans:
        """Δ_am(test) − Δ_am(train): the encoder overfits."""
        return DifferenceOfMeans(self.test.amortization_gap, self.train.amortization_gap)

    @property
    def family_gap(self) -> DifferenceOfMeans:
        """Δ_ap(test) − Δ_ap(train): the family fits the posteriors of test data worse."""
        return DifferenceOfMeans(self.test.approximation_gap, self.train.approximation_gap)

    @property
    def elbo_gap(self) -> DifferenceOfMeans:
        """L(train) − L(test), the sum of the three."""
        return DifferenceOfMeans(self.train.elbo, self.test.elbo)

    def gaps(self) -> dict[str, DifferenceOfMeans]:
        """The four differences by name."""
        names = ("decoder_gap", "encoder_gap", "family_gap", "elbo_gap")
        return {name: getattr(self, name) for name in names}

    def summary(self) -> dict:
        """The four differences, and the summaries of `train` and `test`, ready for JSON."""
        found = {name: gap.summary() for name, gap in self.gaps().items()}
        return {**found, "train": self.train.summary(), "test": self.test.summary()}

    def draw(self, axes) -> None:
        """Draws the four differences on matplotlib axes, as bars with ± one standard error."""
        gaps = dict(
            zip(("decoder", "encoder", "family", "in all"), self.gaps().values(), strict=True)
        )
        plotting.bars_with_errors(axes, gaps, "lost from training to test data, nats")


def generalization(model, train: np.ndarray, test: np.ndarray, **options) -> Generalization:
    """Reports how much a model loses from training to test data: by decoder, encoder and family.

        log p(train) − log p(test),  Δ_am(test) − Δ_am(train),  Δ_ap(test) − Δ_ap(train)

    Of an overfitted VAE the first two are large. Regularizing the encoder should lower the second,
    and with it the first (Shu et al. 2018, Section 3; gaps of Cremer et al. 2018).

    Args:
        model: a `VariationalAutoencoder`.
        train: training examples `[N, *S]`; some hundreds of them suffice.
        test: test examples `[M, *S]`.
        **options: as of `inference_gaps`, for both.

    Returns:
        A `Generalization`.

    Raises:
        ValueError: as `inference_gaps`.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> data = air_tf.datasets.load("digits")
    >>> effort = {"num_samples": 100, "max_steps": 20, "progress": False}
    >>> report = air_tf.evaluation.generalization(model, data.train[:10], data.test[:20], **effort)
    >>> sorted(report.gaps())
    ['decoder_gap', 'elbo_gap', 'encoder_gap', 'family_gap']
    """
    return Generalization(
        inference_gaps(model, train, **options), inference_gaps(model, test, **options)
    )
