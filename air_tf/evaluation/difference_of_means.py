"""The difference between the means of two groups of examples."""

import dataclasses
import math

from air_tf.evaluation.estimate import Estimate


@dataclasses.dataclass(frozen=True)
class DifferenceOfMeans:
    """Mean of one `Estimate` less that of another, over other examples: so they are not paired.

    Example:
    >>> first = air_tf.evaluation.Estimate(np.array([1.0, 3.0]))
    >>> second = air_tf.evaluation.Estimate(np.array([0.0, 1.0, 2.0]))
    >>> print(air_tf.evaluation.DifferenceOfMeans(first, second))
    1.00 ± 1.15
    """

    first: Estimate
    second: Estimate

    @property
    def mean(self) -> float:
        """The difference of the means."""
        return self.first.mean - self.second.mean

    @property
    def standard_error(self) -> float:
        """√(s.e.₁² + s.e.₂²); NaN if a group has a single example."""
        return math.hypot(self.first.standard_error, self.second.standard_error)

    def __str__(self) -> str:
        return f"{self.mean:z.2f} ± {self.standard_error:.2f}"

    def summary(self) -> dict[str, float]:
        """`{"mean", "standard_error"}`, ready for JSON."""
        return {"mean": self.mean, "standard_error": self.standard_error}
