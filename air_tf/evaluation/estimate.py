"""A mean over examples, with its standard error."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Per-example values with their mean and its standard error.

    The difference of two estimates over the same examples is paired: its standard error comes from
    the per-example differences.

    Attributes:
        per_example: float array `[N]`, usually nats.

    Example:
    >>> a = air_tf.evaluation.Estimate(np.array([1.0, 3.0]))
    >>> a.mean, a.standard_error
    (2.0, 1.0)
    >>> print(a - air_tf.evaluation.Estimate(np.array([0.0, 2.0])))
    1.00 ± 0.00
    """

    per_example: np.ndarray

    @property
    def mean(self):
        """Mean over the examples."""
        return float(np.mean(self.per_example, dtype=np.float64))

    @property
    def standard_error(self):
        """Standard error of the mean: s/√N, with N − 1 in s; NaN for a single example."""
        n = len(self.per_example)
        if n < 2:
            return float("nan")
        return float(np.std(self.per_example, dtype=np.float64, ddof=1) / np.sqrt(n))

    def __sub__(self, other):
        return Estimate(np.asarray(self.per_example) - np.asarray(other.per_example))

    def __str__(self):
        return f"{self.mean:z.2f} ± {self.standard_error:.2f}"  # z: no negative zero

    def summary(self):
        """`{"mean", "standard_error"}`, ready for JSON."""
        return {"mean": self.mean, "standard_error": self.standard_error}
