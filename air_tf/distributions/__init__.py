"""Variational families and likelihoods, which turn a network's outputs into TFP distributions.

`get` turns a name (`"diagonal_gaussian"`, `"full_covariance_gaussian"`, `"bernoulli"`,
`"gaussian"`), a Keras config or an instance into an instance, as `keras.losses.get` does.
"""

import keras

from air_tf import checks
from air_tf.distributions.bernoulli_likelihood import BernoulliLikelihood
from air_tf.distributions.diagonal_gaussian_family import DiagonalGaussianFamily
from air_tf.distributions.distribution_family import DistributionFamily
from air_tf.distributions.factorized_bernoulli import FactorizedBernoulli
from air_tf.distributions.full_covariance_gaussian_family import FullCovarianceGaussianFamily
from air_tf.distributions.gaussian_likelihood import GaussianLikelihood
from air_tf.distributions.variational_family import VariationalFamily

VARIATIONAL_FAMILIES = {
    "diagonal_gaussian": DiagonalGaussianFamily,
    "full_covariance_gaussian": FullCovarianceGaussianFamily,
}
LIKELIHOODS = {"bernoulli": BernoulliLikelihood, "gaussian": GaussianLikelihood}


def get(identifier, known):
    """Returns the instance for a name in `known`, a config or an instance."""
    if isinstance(identifier, DistributionFamily):
        return identifier
    if isinstance(identifier, dict):
        return keras.saving.deserialize_keras_object(identifier)
    return known[checks.one_of("distribution", identifier, known)]()


__all__ = [
    "LIKELIHOODS",
    "VARIATIONAL_FAMILIES",
    "BernoulliLikelihood",
    "DiagonalGaussianFamily",
    "DistributionFamily",
    "FactorizedBernoulli",
    "FullCovarianceGaussianFamily",
    "GaussianLikelihood",
    "VariationalFamily",
    "get",
]
