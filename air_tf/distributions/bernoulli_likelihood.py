"""The likelihood of binary pixels."""

import keras

from air_tf.distributions.distribution_family import DistributionFamily
from air_tf.distributions.factorized_bernoulli import FactorizedBernoulli


@keras.saving.register_keras_serializable(package="air_tf")
class BernoulliLikelihood(DistributionFamily):
    """p(x|z) = Π_d Bernoulli(x_d; logits_d(z)), for pixels that are 0 or 1.

    `num_outputs(D)` is D; the parameter is `logits` `[..., D]`.

    Example:
    >>> air_tf.distributions.BernoulliLikelihood()(tf.zeros([3, 784])).mean().shape
    TensorShape([3, 784])
    """

    binary = True

    def num_outputs(self, event_size):
        return event_size

    def parameters(self, outputs):
        return {"logits": outputs}

    def distribution(self, logits):
        return FactorizedBernoulli(logits)
