"""R of Eq. 23, and Propositions 1 and 3: in closed form, and with encoders that are trained."""

import keras
import numpy as np
import pytest
import scipy.optimize
import scipy.special

import air_tf
from air_tf.theory import regularization
from tests.conftest import small_model
from tests.evaluation.test_linear_gaussian import assert_right
from tests.linear_gaussian import BIAS, PRECISION, X
from tests.theory.noisy_linear_gaussian import (
    GAIN,
    best_gain,
    best_offset,
    divergence,
    noisy_model,
)

without_xla = pytest.mark.usefixtures("without_xla_in_evaluation")
STDDEVS = (0.0, 0.1, 0.3, 1.0)
MAX_NORMS = (0.2, 0.6, 1.0, 2.0)


@pytest.fixture
def without_xla_in_evaluation(monkeypatch):
    """XLA takes seconds to compile the programs of each model."""
    monkeypatch.setattr(air_tf.VariationalAutoencoder, "compiles_to_xla", lambda self: False)


@without_xla
@pytest.mark.parametrize("stddev", STDDEVS)
def test_closed_form(stddev):
    r = regularization(noisy_model(stddev), X, 400, quality="fast", progress=False)
    assert_right(r, divergence(stddev), slack=2e-3)


@pytest.mark.parametrize("stddev", STDDEVS)
def test_the_closed_form_has_the_best_encoder(stddev):
    """SciPy finds no linear mean with a smaller R."""
    found = scipy.optimize.minimize(
        lambda a: divergence(stddev, a.reshape(2, 4)).mean(), np.zeros(8), tol=1e-12
    )
    np.testing.assert_allclose(found.fun, divergence(stddev).mean(), atol=1e-6)


def test_r_grows_with_the_noise():
    """Proposition 1 with σ."""
    closed = [divergence(stddev).mean() for stddev in STDDEVS]
    assert closed[0] < 1e-12
    assert np.all(np.diff(closed) > 0.01)


def best_capped_gain(max_norm):
    """The A whose rows, the kernel's columns, have norms of at most H: a convex problem."""
    room = {"type": "ineq", "fun": lambda a: max_norm - np.linalg.norm(a.reshape(2, 4), axis=1)}
    start = np.full(8, 0.01)
    best = scipy.optimize.minimize(
        lambda a: divergence(0.0, a.reshape(2, 4)).mean(), start, constraints=room, tol=1e-12
    )
    return best.x.reshape(2, 4)


@without_xla
def test_r_falls_with_the_cap():
    """Proposition 1 with H, and the model with the cap has the R of the best A below it."""
    gains = [best_capped_gain(max_norm) for max_norm in MAX_NORMS]
    closed = [divergence(0.0, gain).mean() for gain in gains]
    assert np.all(np.diff(closed) < 1e-9)
    assert closed[0] > closed[2] + 0.01
    assert np.linalg.norm(GAIN, axis=1).max() < MAX_NORMS[-1]
    assert abs(closed[-1]) < 1e-6
    model = noisy_model(0.0, gain=gains[0], max_norm=MAX_NORMS[0])
    r = regularization(model, X, 400, quality="fast", progress=False)
    assert_right(r, divergence(0.0, gains[0]), slack=2e-3)


@without_xla
def test_r_falls_with_k():
    """Proposition 3; the values against a simulation of the weights in NumPy.

    With q = N(μ + v, C) for a posterior N(μ, C) and t² = vᵀC⁻¹v, log w − log p(x) = t·n − t²/2 for
    a standard normal n.
    """
    stddev, rng = 1.0, np.random.default_rng(0)
    gain = best_gain(stddev)
    noisy = X + stddev * rng.normal(size=(1000, *X.shape))
    v = noisy @ gain.T + best_offset(gain) - (X - BIAS) @ GAIN.T
    t = np.sqrt(np.einsum("rbi,ij,rbj->rb", v, PRECISION, v))
    values = []
    for k in (1, 8, 64):
        log_weights = t * rng.normal(size=(k, *t.shape)) - t**2 / 2
        expected = np.log(k) - scipy.special.logsumexp(log_weights, axis=0)
        model = noisy_model(stddev, k=k)
        values.append(regularization(model, X, 300, quality="fast", progress=False))
        error = np.hypot(
            expected.mean(axis=1).std() / np.sqrt(len(expected)),
            (values[-1].per_example - expected.mean(axis=0)).std() / np.sqrt(len(X)),
        )
        assert abs(values[-1].mean - expected.mean()) < 4 * error + 2e-3
    assert (values[0] - values[1]).mean > 0.05
    assert (values[1] - values[2]).mean > 0.005


@pytest.mark.slow
@without_xla
def test_encoders_that_are_trained_for_one_decoder():
    """Propositions 1 and 3 on digits: R, within its errors, is in the order that they say."""
    x = air_tf.datasets.load("digits").train[:300]
    options = {
        "input_dim": 64,
        "latent_dim": 4,
        "encoder_units": (64,),
        "decoder_units": (32,),
        "seed": 0,
    }
    base = air_tf.create_model("vae", **options)
    base.initialize_output_bias(x)
    rate = keras.optimizers.schedules.CosineDecay(5e-3, 500)
    base.compile(optimizer=keras.optimizers.Adam(rate))
    base.fit(x, batch_size=300, epochs=500, verbose=0)

    def r(name, **strengths):
        model = air_tf.create_model(name, **options, **strengths)
        model.decoder.set_weights(base.decoder.get_weights())
        model.decoder.trainable = False
        rate = keras.optimizers.schedules.CosineDecay(5e-3, 500)
        model.compile(optimizer=keras.optimizers.Adam(rate))
        model.fit(x, batch_size=300, epochs=500, verbose=0)
        return regularization(model, x[:100], 100, quality="fast", progress=False)

    plain = r("vae")
    noisy = [plain, r("dvae", noise_stddev=0.3), r("dvae", noise_stddev=1.0)]
    capped = [plain, r("wni_vae", max_norm=0.7), r("wni_vae", max_norm=0.3)]
    samples = [noisy[2], r("diwae", noise_stddev=1.0, num_importance_samples=8)]
    for name, weaker, stronger in [
        ("noise", *noisy[:2]),
        ("noise", *noisy[1:]),
        ("cap", *capped[:2]),
        ("cap", *capped[1:]),
        ("samples", *samples[::-1]),
    ]:
        difference = stronger - weaker
        assert difference.mean > 4 * difference.standard_error, name


def test_nothing_of_the_model_changes_and_a_seed_repeats(x):
    model = small_model("dwni_iwae", noise_stddev=0.5)
    before = [variable.numpy().copy() for variable in model.variables]
    options = {"quality": "fast", "progress": False}
    values = [regularization(model, x, 5, seed=seed, **options).per_example for seed in (0, 0, 1)]
    np.testing.assert_array_equal(values[0], values[1])
    assert np.all(values[0] != values[2])
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@without_xla
def test_moving_averages_stay(x):
    """A batch normalization of one's own learns nothing from being evaluated."""
    layers = [keras.layers.BatchNormalization(), keras.layers.Dropout(0.5), keras.layers.Dense(4)]
    encoder = keras.Sequential([keras.Input((12,)), *layers])
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(12)])
    model = air_tf.VariationalAutoencoder(encoder, decoder, seed=0)
    before = [variable.numpy().copy() for variable in model.variables]
    r = [regularization(model, x, 5, quality="fast", progress=False) for _ in range(2)]
    np.testing.assert_array_equal(r[0].per_example, r[1].per_example)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "`num_samples`"),
        ({"quality": "tigth"}, "did you mean 'tight'"),
        ({"x": X[:, :2]}, r"\[N, 4\]"),
    ],
)
def test_rejects(arguments, message):
    with pytest.raises(ValueError, match=message):
        regularization(noisy_model(0.1), **{"x": X, "progress": False, **arguments})
