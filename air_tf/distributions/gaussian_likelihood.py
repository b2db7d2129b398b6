"""The likelihood of real numbers."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf.distributions.likelihood import Likelihood
from air_tf.distributions.softplus import inverse_softplus

_FLOOR = 1e-3


@keras.saving.register_keras_serializable(package="air_tf")
class GaussianLikelihood(Likelihood):
    """p(x|z) = N(x; loc(z), diag(scale(z)²)) with scale = softplus(raw) + 1e-3, for real x.

    The floor on the scale keeps the density bounded when the model predicts a value exactly. It is
    made for data with a spread of about 1: standardise yours.
    `num_outputs(D)` is 2D; parameters are `loc` and `scale`, both `[..., D]`.

    Example:
    >>> air_tf.distributions.GaussianLikelihood()(tf.zeros([3, 8])).event_shape
    TensorShape([4])
    """

    values = "finite real numbers"
    is_real = True

    def contains(self, x):
        # The densities are float32, where a larger number would be infinite.
        return np.abs(x) <= np.finfo("float32").max

    def num_outputs(self, event_size):
        return 2 * event_size

    def parameters(self, outputs):
        loc, raw_scale = tf.split(outputs, 2, axis=-1)
        return {"loc": loc, "scale": tf.math.softplus(raw_scale) + _FLOOR}

    def distribution(self, loc, scale):
        return tfp.distributions.MultivariateNormalDiag(loc, scale)

    def marginal_outputs(self, x):
        """The outputs for the means and the standard deviations, the latter at least 2e-3."""
        scale = np.maximum(x.std(axis=0), 2 * _FLOOR)
        return np.concatenate([x.mean(axis=0), inverse_softplus(scale - _FLOOR)])
