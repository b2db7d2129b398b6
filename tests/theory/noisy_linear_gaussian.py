"""The linear-Gaussian model with noise before its encoder, and what holds for it.

The posterior is N(G(x − b), C). For data of mean m and covariance Σ, of all encoders with a linear
mean A(x + ε) + a and any covariance the best has covariance C: with v = A(x + ε) + a − G(x − b),

    E KL(q(z|x+ε) ‖ p(z|x)) = ½ E vᵀC⁻¹v,   A = GΣ(Σ + σ²I)⁻¹,  Am + a = G(m − b).
"""

import keras
import numpy as np

import air_tf
from tests.linear_gaussian import BIAS, COVARIANCE, PRECISION, WEIGHTS, S, X, linear_model

GAIN = COVARIANCE @ WEIGHTS.T / S**2
MEAN = X.mean(axis=0, dtype="float64")
SIGMA = np.cov(X.T, ddof=0)


def best_gain(stddev):
    return GAIN @ SIGMA @ np.linalg.inv(SIGMA + stddev**2 * np.eye(4))


def best_offset(gain):
    return GAIN @ (MEAN - BIAS) - gain @ MEAN


def noisy_model(stddev, gain=None, max_norm=None, k=1):
    """The exact decoder, and an encoder with covariance C and the best mean unless A is given."""
    gain = best_gain(stddev) if gain is None else gain
    exact = linear_model()
    kernel, bias = exact.encoder.get_weights()
    kernel[:, :2], bias[:2] = gain.T, best_offset(gain)
    layer = keras.layers.Dense(5)
    if max_norm is not None:
        layer = air_tf.layers.NormCappedDense(5, max_norm)
    noise = air_tf.layers.NoiseInjection(stddev, seed=0)
    encoder = keras.Sequential([keras.Input((4,)), noise, layer])
    if max_norm is None:
        layer.set_weights([kernel, bias])
    else:
        layer.v.assign(kernel)
        layer.bias.assign(bias)
        layer.u.assign(np.full(5, 30.0))  # the cap is H itself
    return air_tf.VariationalAutoencoder(
        encoder,
        exact.decoder,
        variational_family="full_covariance_gaussian",
        likelihood="gaussian",
        num_importance_samples=k,
        seed=0,
    )


def divergence(stddev, gain=None):
    """E_ε KL(q(z|x+ε) ‖ p(z|x)) of each x, nats: R with one sample."""
    gain = best_gain(stddev) if gain is None else gain
    v = X @ gain.T + best_offset(gain) - (X - BIAS) @ GAIN.T
    of_noise = stddev**2 * np.trace(PRECISION @ gain @ gain.T)
    return (np.einsum("bi,ij,bj->b", v, PRECISION, v) + of_noise) / 2
