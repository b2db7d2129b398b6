"""The optimal encoder under noise."""

import dataclasses

import tensorflow as tf
import tensorflow_probability as tfp


@dataclasses.dataclass(frozen=True)
class SmoothedPosterior:
    """q*_σ(z|x) at M observations x: what `kernel_regression_posterior` returns.

    Attributes:
        distribution: Gaussian with batch shape `[M]`, in the dtype of the given posteriors.
        natural_parameters: η* = Σ_i w_i η_i, float64 `[M, P]`: (Λμ, −Λ/2) with the precision Λ, of
            which a diagonal one is Z numbers and another Z².
        weights: w_σ(x, x_i), float64 `[M, N]`; they sum to 1 over the training points.
    """

    distribution: tfp.distributions.Distribution
    natural_parameters: tf.Tensor
    weights: tf.Tensor

    @property
    def effective_neighbours(self) -> tf.Tensor:
        """1/Σ_i w_i²: how many training points q* averages, from 1 to N; float64 `[M]`."""
        return 1 / tf.reduce_sum(self.weights**2, axis=1)
