"""The likelihood of binary pixels."""

import keras
import numpy as np

from air_tf.distributions.factorized_bernoulli import FactorizedBernoulli
from air_tf.distributions.likelihood import Likelihood


@keras.saving.register_keras_serializable(package="air_tf")
class BernoulliLikelihood(Likelihood):
    """p(x|z) = Π_d Bernoulli(x_d; logits_d(z)), for pixels that are 0 or 1.

    `num_outputs(D)` is D; the parameter is `logits` `[..., D]`.

    Example:
    >>> air_tf.distributions.BernoulliLikelihood()(tf.zeros([3, 784])).mean().shape
    TensorShape([3, 784])
    """

    values = "binary pixels (0 or 1)"

    def contains(self, x):
        return (x == 0) | (x == 1)

    def advice(self, value):
        if not value > 0:  # negative or NaN: no grey level
            return ""
        return (
            " under a Bernoulli likelihood; binarize grey values first, for instance with "
            "`air_tf.datasets.binarize(x, seed=0)`"
        )

    def num_outputs(self, event_size):
        return event_size

    def parameters(self, outputs):
        return {"logits": outputs}

    def distribution(self, logits):
        return FactorizedBernoulli(logits)

    def marginal_outputs(self, x):
        """The logits of the means, which keep 1/(N + 2) from 0 and 1: one pseudo-count of each."""
        mean = (x.sum(axis=0) + 1) / (len(x) + 2)
        return np.log(mean) - np.log1p(-mean)
