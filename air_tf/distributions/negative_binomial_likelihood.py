"""The negative binomial likelihood of counts."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf.distributions.count_likelihood import CountLikelihood
from air_tf.distributions.softplus import inverse_softplus, log_softplus

_FLOOR = 1e-4


@keras.saving.register_keras_serializable(package="air_tf")
class NegativeBinomialLikelihood(CountLikelihood):
    """p(x|z) = Π_d NB(x_d; mean μ_d(z), dispersion α_d(z)), for counts with variance μ + α·μ².

    With r = 1/α,

        NB(x; μ, α) = Γ(x + r)/(Γ(r)·x!) · (r/(r + μ))^r · (μ/(r + μ))^x,

    μ = softplus(raw) and α = softplus(raw) + 1e-4, so that the limit of Poisson counts is near:
    the distribution of scVI (Lopez et al. 2018) without its library size and zero inflation.
    `num_outputs(D)` is 2D; parameters are TFP's `total_count` = r and `logits` = log(μ/r), both
    `[..., D]`.

    Example:
    >>> p = air_tf.distributions.NegativeBinomialLikelihood()(tf.zeros([3, 8]))
    >>> p.log_prob([[0, 1, 2, 3000]]).shape
    TensorShape([3])
    """

    def num_outputs(self, event_size):
        return 2 * event_size

    def parameters(self, outputs):
        raw_mean, raw_dispersion = tf.split(outputs, 2, axis=-1)
        dispersion = tf.math.softplus(raw_dispersion) + _FLOOR
        logits = log_softplus(raw_mean) + tf.math.log(dispersion)
        return {"total_count": 1 / dispersion, "logits": logits}

    def distribution(self, total_count, logits):
        counts = tfp.distributions.NegativeBinomial(
            total_count, logits=logits, require_integer_total_count=False
        )
        return tfp.distributions.Independent(counts, 1)

    def marginal_outputs(self, x):
        """The outputs for the means, each with half a pseudo-count, and the variances.

        The dispersion is at least 2e-4, also where counts spread less than Poisson counts.
        """
        mean = self._smoothed_mean(x)
        dispersion = np.maximum((x.var(axis=0) - mean) / mean**2, 2 * _FLOOR)
        return np.concatenate([inverse_softplus(mean), inverse_softplus(dispersion - _FLOOR)])
