"""A model with closed forms of log p(x), the ELBO and the best posterior.

z ~ N(0, I_2), x|z ~ N(Wz + b, s²I_4): log p(x) = log N(x; b, WWᵀ + s²I), the exact posterior is the
Gaussian with precision I + WᵀW/s².
"""

import keras
import numpy as np
import scipy.stats
import tensorflow_probability as tfp

import air_tf

S, WEIGHTS, BIAS = 0.3, np.array([[0.5, -0.2], [0.1, 0.4], [-0.3, 0.3], [0.6, 0.1]]), 0.5
PRECISION = np.eye(2) + WEIGHTS.T @ WEIGHTS / S**2
COVARIANCE = np.linalg.inv(PRECISION)
X = np.random.default_rng(0).random((40, 4)).astype("float32")


def log_p(x, noise=S):
    """The exact log p(x)."""
    covariance = WEIGHTS @ WEIGHTS.T + noise**2 * np.eye(4)
    return scipy.stats.multivariate_normal(np.full(4, BIAS), covariance).logpdf(x)


LOG_P = log_p(X)


def inverse_softplus(y):
    return np.log(np.expm1(y))


def linear_model(family="full_covariance_gaussian", loc_shift=0.0, scale_factor=1.0, noise=S):
    """The model with an exact encoder, except for shifted means and a wider scale."""
    precision = np.eye(2) + WEIGHTS.T @ WEIGHTS / noise**2
    covariance = np.linalg.inv(precision)
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8)])
    kernel = np.concatenate([WEIGHTS.T, np.zeros((2, 4))], axis=1)
    bias = np.concatenate([np.full(4, BIAS), np.full(4, inverse_softplus(noise - 1e-3))])
    decoder.set_weights([kernel, bias])
    gain = covariance @ WEIGHTS.T / noise**2  # posterior mean = gain (x − b)
    if family == "diagonal_gaussian":
        scale = scale_factor / np.sqrt(np.diag(precision))  # the ELBO's optimum
        raw_scale = inverse_softplus(scale - 1e-5)
    else:
        tril = scale_factor * np.linalg.cholesky(covariance)
        np.fill_diagonal(tril, inverse_softplus(np.diag(tril) - 1e-5))
        raw_scale = tfp.math.fill_triangular_inverse(tril).numpy()
    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2 + len(raw_scale))])
    kernel = np.concatenate([gain.T, np.zeros((4, len(raw_scale)))], axis=1)
    loc_bias = loc_shift - gain @ np.full(4, BIAS)
    encoder.set_weights([kernel, np.concatenate([loc_bias, raw_scale])])
    return air_tf.VariationalAutoencoder(
        encoder, decoder, variational_family=family, likelihood="gaussian", seed=0
    )


def exact_elbo(model):
    """log p(x) − KL(q‖posterior), with the encoder's q."""
    q = model.variational_family.distribution(**model.encode(X))
    loc = COVARIANCE @ WEIGHTS.T / S**2 @ (X - BIAS).T
    difference = q.mean().numpy() - loc.T
    covariance = q.covariance().numpy()
    kl = 0.5 * (
        np.einsum("ij,bji->b", PRECISION, covariance)
        + np.einsum("bi,ij,bj->b", difference, PRECISION, difference)
        - 2
        - np.linalg.slogdet(covariance)[1]
        - np.linalg.slogdet(PRECISION)[1]
    )
    return LOG_P - kl
