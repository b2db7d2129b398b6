"""The factorized Gaussian variational family."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf.distributions.variational_family import VariationalFamily


@keras.saving.register_keras_serializable(package="air_tf")
class DiagonalGaussianFamily(VariationalFamily):
    """q(z|x) = N(loc, diag(scale²)) with scale = softplus(raw) + 1e-5.

    `num_outputs(Z)` is 2Z; parameters are `loc` and `scale`, both `[..., Z]`.

    Example:
    >>> family = air_tf.distributions.DiagonalGaussianFamily()
    >>> q = family(tf.zeros([3, 4]))
    >>> q.event_shape, family.num_outputs(2)
    (TensorShape([2]), 4)
    """

    def num_outputs(self, event_size):
        return 2 * event_size

    def parameters(self, outputs):
        loc, raw_scale = tf.split(outputs, 2, axis=-1)
        return {"loc": loc, "scale": tf.math.softplus(raw_scale) + 1e-5}

    def distribution(self, loc, scale):
        return tfp.distributions.MultivariateNormalDiag(loc, scale)
