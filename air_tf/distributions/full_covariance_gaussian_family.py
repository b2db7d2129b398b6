"""The Gaussian variational family with a full covariance matrix."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf.distributions.variational_family import VariationalFamily


@keras.saving.register_keras_serializable(package="air_tf")
class FullCovarianceGaussianFamily(VariationalFamily):
    """q(z|x) = N(loc, LLᵀ), L lower triangular with diagonal softplus(raw) + 1e-5.

    `num_outputs(Z)` is Z + Z(Z + 1)/2; parameters are `loc` `[..., Z]` and `scale_tril`
    `[..., Z, Z]`.

    Example:
    >>> family = air_tf.distributions.FullCovarianceGaussianFamily()
    >>> family(tf.zeros([3, family.num_outputs(2)])).covariance().shape
    TensorShape([3, 2, 2])
    """

    def num_outputs(self, event_size):
        return event_size + event_size * (event_size + 1) // 2

    def parameters(self, outputs):
        num_outputs = outputs.shape[-1]
        # The positive root of num_outputs = Z + Z(Z + 1)/2.
        latent_dim = round((-3 + (9 + 8 * num_outputs) ** 0.5) / 2)
        loc, raw_tril = outputs[..., :latent_dim], outputs[..., latent_dim:]
        tril = tfp.math.fill_triangular(raw_tril)
        diagonal = tf.math.softplus(tf.linalg.diag_part(tril)) + 1e-5
        return {"loc": loc, "scale_tril": tf.linalg.set_diag(tril, diagonal)}

    def distribution(self, loc, scale_tril):
        return tfp.distributions.MultivariateNormalTriL(loc, scale_tril)
