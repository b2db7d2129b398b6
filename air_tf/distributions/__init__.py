"""Variational families and likelihoods, which turn a network's outputs into TFP distributions.

`get` turns a name, a Keras config or an instance into an instance, as `keras.losses.get` does. The
names are those in `VARIATIONAL_FAMILIES` and `LIKELIHOODS`:

| likelihood | observations |
|---|---|
| `"bernoulli"` | pixels that are 0 or 1 |
| `"gaussian"` | real numbers |
| `"discretized_logistic"` | levels 0..255 |
| `"poisson"` | counts whose variance is their mean |
| `"negative_binomial"` | counts that spread more |
| `"multinomial"` | counts given their total |
"""

import keras

from air_tf import checks
from air_tf.distributions.bernoulli_likelihood import BernoulliLikelihood
from air_tf.distributions.bits_per_dimension import bits_per_dimension
from air_tf.distributions.diagonal_gaussian_family import DiagonalGaussianFamily
from air_tf.distributions.discretized_logistic import DiscretizedLogistic
from air_tf.distributions.discretized_logistic_likelihood import DiscretizedLogisticLikelihood
from air_tf.distributions.distribution_family import DistributionFamily
from air_tf.distributions.factorized_bernoulli import FactorizedBernoulli
from air_tf.distributions.full_covariance_gaussian_family import FullCovarianceGaussianFamily
from air_tf.distributions.gaussian_likelihood import GaussianLikelihood
from air_tf.distributions.likelihood import Likelihood
from air_tf.distributions.multinomial_given_total import MultinomialGivenTotal
from air_tf.distributions.multinomial_likelihood import MultinomialLikelihood
from air_tf.distributions.negative_binomial_likelihood import NegativeBinomialLikelihood
from air_tf.distributions.poisson_likelihood import PoissonLikelihood
from air_tf.distributions.variational_family import VariationalFamily

VARIATIONAL_FAMILIES = {
    "diagonal_gaussian": DiagonalGaussianFamily,
    "full_covariance_gaussian": FullCovarianceGaussianFamily,
}
LIKELIHOODS = {
    "bernoulli": BernoulliLikelihood,
    "gaussian": GaussianLikelihood,
    "discretized_logistic": DiscretizedLogisticLikelihood,
    "poisson": PoissonLikelihood,
    "negative_binomial": NegativeBinomialLikelihood,
    "multinomial": MultinomialLikelihood,
}


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
    "DiscretizedLogistic",
    "DiscretizedLogisticLikelihood",
    "DistributionFamily",
    "FactorizedBernoulli",
    "FullCovarianceGaussianFamily",
    "GaussianLikelihood",
    "Likelihood",
    "MultinomialGivenTotal",
    "MultinomialLikelihood",
    "NegativeBinomialLikelihood",
    "PoissonLikelihood",
    "VariationalFamily",
    "bits_per_dimension",
    "get",
]
