"""The likelihood of 8-bit levels."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf.distributions.discretized_logistic import DiscretizedLogistic
from air_tf.distributions.likelihood import Likelihood
from air_tf.distributions.softplus import inverse_softplus

_HALF, _FLOOR = 127.5, 1e-3


@keras.saving.register_keras_serializable(package="air_tf")
class DiscretizedLogisticLikelihood(Likelihood):
    """p(x|z) = Π_d P(x_d), a logistic distribution in bins of width 1, for levels x in 0..255.

    P(x) = σ((x + ½ − loc)/scale) − σ((x − ½ − loc)/scale); the bins of 0 and 255 are open (Salimans
    et al. 2017, Eq. 2, with one component). The outputs are in units of half the range:
    loc = 127.5·(1 + raw), scale = 127.5·(softplus(raw) + 1e-3). `bits_per_dimension` turns log p(x)
    into the unit in which such models are compared.
    `num_outputs(D)` is 2D; parameters are `loc` and `scale`, both `[..., D]`, in levels.

    Example:
    >>> p = air_tf.distributions.DiscretizedLogisticLikelihood()(tf.zeros([3, 8]))
    >>> p.log_prob([[0, 10, 128, 255]]).shape
    TensorShape([3])
    """

    values = "levels: whole numbers from 0 to 255"

    def contains(self, x):
        return (x >= 0) & (x <= 255) & (x == np.floor(x))

    def num_outputs(self, event_size):
        return 2 * event_size

    def parameters(self, outputs):
        raw_loc, raw_scale = tf.split(outputs, 2, axis=-1)
        scale = _HALF * (tf.math.softplus(raw_scale) + _FLOOR)
        return {"loc": _HALF * (1 + raw_loc), "scale": scale}

    def distribution(self, loc, scale):
        return tfp.distributions.Independent(DiscretizedLogistic(loc, scale), 1)

    def marginal_outputs(self, x):
        """The outputs for the means, each with one pseudo-count of 0 and 255, and the deviations.

        The scale is that of a logistic distribution with the deviation of x, and at least 1. The
        loc solves E[clip(X, 0, 255)] = mean; to round moves the mean by less than 1/100.
        """
        scale = np.maximum(x.std(axis=0) * 3**0.5 / np.pi, 1.0)
        mean = (x.sum(axis=0) + 255) / (len(x) + 2)
        low, high = np.log(-np.expm1(-mean / scale)), np.log(-np.expm1((mean - 255) / scale))
        loc = mean + scale * (low - high)
        return np.concatenate([loc / _HALF - 1, inverse_softplus(scale / _HALF - _FLOOR)])
