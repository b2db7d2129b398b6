"""The Poisson likelihood of counts."""

import keras
import tensorflow_probability as tfp

from air_tf.distributions.count_likelihood import CountLikelihood
from air_tf.distributions.softplus import inverse_softplus, log_softplus


@keras.saving.register_keras_serializable(package="air_tf")
class PoissonLikelihood(CountLikelihood):
    """p(x|z) = Π_d Poisson(x_d; rate_d(z)) with rate = softplus(raw), for counts.

    log p(x) = Σ_d x_d·log rate_d − rate_d − log x_d!. The variance of each count is its mean; where
    counts spread more, take `NegativeBinomialLikelihood`.
    `num_outputs(D)` is D; the parameter is `log_rate` `[..., D]`.

    Example:
    >>> p = air_tf.distributions.PoissonLikelihood()(tf.zeros([3, 4]))
    >>> p.log_prob([[0, 1, 2, 30]]).shape
    TensorShape([3])
    """

    def num_outputs(self, event_size):
        return event_size

    def parameters(self, outputs):
        return {"log_rate": log_softplus(outputs)}

    def distribution(self, log_rate):
        return tfp.distributions.Independent(tfp.distributions.Poisson(log_rate=log_rate), 1)

    def marginal_outputs(self, x):
        """The outputs for the means, each with half a pseudo-count."""
        return inverse_softplus(self._smoothed_mean(x))
