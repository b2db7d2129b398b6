"""Proposition 2 against decoders that are trained with a fixed encoder."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

import air_tf
from air_tf.theory import optimal_decoder_mean


class UnitGaussian(air_tf.distributions.GaussianLikelihood):
    """Its scale is not learned: where it follows the errors of the mean, the mean learns slowly."""

    def num_outputs(self, event_size):
        return event_size

    def parameters(self, outputs):
        return {"loc": outputs, "scale": tf.ones_like(outputs)}


LIKELIHOODS = {"bernoulli": air_tf.distributions.BernoulliLikelihood(), "gaussian": UnitGaussian()}
X_TRAIN = {
    "bernoulli": np.array([[0, 0, 1], [1, 0, 1], [1, 1, 0], [0, 0, 0]], "float32"),
    "gaussian": np.random.default_rng(0).normal(size=(4, 3)).astype("float32"),
}
LOC, SCALE = np.array([-1.2, 0.0, 0.8, 1.8]), np.array([0.6, 0.5, 0.6, 0.5])


def encoder(x_train):
    """A linear layer that gives the four training points these posteriors."""
    raw_scale = np.log(np.expm1(SCALE - 1e-5))
    inputs = np.concatenate([x_train, np.ones((4, 1))], axis=1)
    kernel = np.linalg.solve(inputs, np.stack([LOC, raw_scale], axis=1))
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    network.set_weights([kernel[:-1], kernel[-1]])
    network.trainable = False
    return network


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_a_trained_decoder_finds_it(name):
    """A wide decoder, trained to convergence, has the mean that is computed."""
    keras.utils.set_random_seed(0)
    x_train = X_TRAIN[name]
    hidden = [keras.layers.Dense(50, "tanh") for _ in range(2)]
    decoder = keras.Sequential([keras.Input((1,)), *hidden, keras.layers.Dense(3)])
    model = air_tf.VariationalAutoencoder(
        encoder(x_train), decoder, likelihood=LIKELIHOODS[name], seed=0
    )
    rate = keras.optimizers.schedules.CosineDecay(5e-3, 2000)
    model.compile(optimizer=keras.optimizers.Adam(rate))
    model.fit(np.tile(x_train, [2000, 1]), batch_size=400, epochs=100, verbose=0)
    q = model.encode(x_train)
    np.testing.assert_allclose(q["loc"][:, 0], LOC, atol=1e-5)
    z = np.linspace(-2, 2.5, 100)[:, np.newaxis]
    found = model.likelihood_at(z).mean()
    expected = optimal_decoder_mean(q, x_train, z)
    error = np.abs((found - expected) / np.ptp(x_train, axis=0))
    assert error.max() < 0.03
    assert error.mean() < 0.01


def test_equals_bayes_rule():
    """Against SciPy's densities, for observations and latents of any shape."""
    rng = np.random.default_rng(1)
    loc, scale = rng.normal(size=(5, 2)), rng.uniform(0.5, 2, (5, 2))
    x_train, z = rng.normal(size=(5, 3, 2)), rng.normal(size=(4, 6, 2))
    densities = scipy.stats.norm(loc, scale).pdf(z[:, :, np.newaxis]).prod(axis=-1)
    shares = densities / densities.sum(axis=-1, keepdims=True)
    expected = np.einsum("abn,nij->abij", shares, x_train)
    found = optimal_decoder_mean({"loc": loc, "scale": scale}, x_train, z)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_takes_any_distribution():
    """Uniform q: each latent belongs to those training points whose interval has it."""
    uniform = tfp.distributions.Uniform([[0.0], [1.0]], [[2.0], [3.0]])
    q = tfp.distributions.Independent(uniform, 1)
    mean = optimal_decoder_mean(q, [[2.0], [4.0]], [[0.5], [1.5], [2.5]])
    np.testing.assert_allclose(mean, [[2.0], [3.0], [4.0]])


def test_far_away_the_widest_posterior_decides():
    q = {"loc": np.zeros((2, 1)), "scale": np.array([[1.0], [2.0]])}
    np.testing.assert_allclose(optimal_decoder_mean(q, [[0.0], [1.0]], [[1e4]]), [[1.0]])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_train": np.zeros((3, 2))}, r"batch shape \[3\]"),
        ({"z": np.zeros((6, 2))}, r"\[\.\.\., 1\]"),
        ({"q_of_train": {"mean": 0}}, "loc and scale"),
    ],
)
def test_rejects(changed, message):
    q = {"loc": tf.zeros([4, 1]), "scale": tf.ones([4, 1])}
    given = {"q_of_train": q, "x_train": np.zeros((4, 2)), "z": np.zeros((6, 1)), **changed}
    with pytest.raises(ValueError, match=message):
        optimal_decoder_mean(**given)
