"""The likelihood of real-valued pixels."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf.distributions.distribution_family import DistributionFamily


@keras.saving.register_keras_serializable(package="air_tf")
class GaussianLikelihood(DistributionFamily):
    """p(x|z) = N(x; loc(z), diag(scale(z)²)) with scale = softplus(raw) + 1e-3.

    The floor on the scale keeps the density bounded when the model predicts a pixel exactly.
    `num_outputs(D)` is 2D; parameters are `loc` and `scale`, both `[..., D]`.

    Example:
    >>> air_tf.distributions.GaussianLikelihood()(tf.zeros([3, 8])).event_shape
    TensorShape([4])
    """

    binary = False

    def num_outputs(self, event_size):
        return 2 * event_size

    def parameters(self, outputs):
        loc, raw_scale = tf.split(outputs, 2, axis=-1)
        return {"loc": loc, "scale": tf.math.softplus(raw_scale) + 1e-3}

    def distribution(self, loc, scale):
        return tfp.distributions.MultivariateNormalDiag(loc, scale)
