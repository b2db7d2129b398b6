"""An estimate by importance sampling, which says where it cannot be trusted."""

import dataclasses
import warnings
from typing import Self

import numpy as np

from air_tf.evaluation.estimate import Estimate
from air_tf.evaluation.pareto_tail import pareto_k
from air_tf.evaluation.streaming_bounds import Bounds

_UNRELIABLE = 0.7  # Vehtari et al. 2024


class UnreliableEstimateWarning(UserWarning):
    """Some examples have importance weights whose mean cannot be trusted."""


@dataclasses.dataclass(frozen=True)
class ImportanceEstimate(Estimate):
    """An `Estimate` from k importance weights w per example, with diagnostics of these.

    Attributes:
        effective_sample_size: (Σ w)²/Σ w² `[N]`, from 1 to k.
        pareto_k: k̂ `[N]`, the shape of a generalized Pareto fit to the largest weights: below 0.5
            reliable, above 0.7 not, NaN where it is not known. See `pareto_tail.pareto_k`.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> x = air_tf.datasets.load("digits").test[:10]
    >>> result = air_tf.evaluation.importance_log_likelihood(model, x, 1000, progress=False)
    >>> result.pareto_k.shape, result.effective_sample_size.shape
    ((10,), (10,))
    """

    effective_sample_size: np.ndarray
    pareto_k: np.ndarray

    @classmethod
    def of(cls, bounds: Bounds, num_samples: int, **fields: np.ndarray) -> Self:
        """The estimate from what `streaming_bounds` returned for all examples."""
        shapes = pareto_k(bounds.largest, num_samples)
        return cls(bounds.iwae, bounds.effective_sample_size, shapes, **fields)

    @property
    def unreliable(self) -> np.ndarray:
        """Whether k̂ > 0.7, boolean `[N]`: then log p(x) can be too low by any amount."""
        return self.pareto_k > _UNRELIABLE

    @property
    def unreliable_share(self) -> float:
        """Share of the examples that are unreliable."""
        return float(np.mean(self.unreliable))

    def summary(self) -> dict[str, float]:
        """That of an `Estimate`, and the mean effective sample size and `unreliable_share`."""
        return {
            **super().summary(),
            "effective_sample_size": float(np.mean(self.effective_sample_size)),
            "unreliable_share": self.unreliable_share,
        }

    def warned(self, title: str) -> Self:
        """Returns itself, and warns if some examples cannot be trusted."""
        if self.unreliable_share > 0:
            warnings.warn(
                f"{title}: Pareto k̂ is above {_UNRELIABLE} for {self.unreliable_share:.1%} of "
                f"{len(self.pareto_k)} examples. A few weights decide their estimates, which may "
                "be too low by more than the standard error says. `air_tf.evaluation.ais` gives a "
                "second opinion.",
                UnreliableEstimateWarning,
                stacklevel=3,
            )
        return self
