"""A refitted encoder: closed forms, what stays, interruptions, and every part of a model."""

import itertools
import types

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

import air_tf
from air_tf.evaluation import finished_batches, refit_encoder
from tests.conftest import LATENT_DIM, compiled, small_model
from tests.linear_gaussian import BIAS, COVARIANCE, WEIGHTS, S, X, exact_elbo, linear_model
from tests.models.test_harness import OPTIONS, fitting

LATENTS = ("posterior", "prior")
DIGITS = air_tf.datasets.load("digits").train[:50]


def refit(model, x, **options):
    return refit_encoder(model, x, **{"epochs": 2, "batch_size": 16, "progress": False, **options})


def weights(model):
    return [weight.numpy() for weight in model.weights]


def assert_equal(a, b):
    for first, second in zip(a, b, strict=True):
        np.testing.assert_array_equal(first, second)


def of_the_linear_model(n):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, 2)) @ WEIGHTS.T + BIAS + S * rng.normal(size=(n, 4))
    return x.astype("float32")


@pytest.fixture
def passes(monkeypatch, without_xla):
    """The arrays that each `fit` gets."""
    seen, fit = [], air_tf.VariationalAutoencoder.fit

    def recorded(self, x, **options):
        seen.append(x)
        return fit(self, x, **options)

    monkeypatch.setattr(air_tf.VariationalAutoencoder, "fit", recorded)
    return seen


@pytest.mark.parametrize(
    ("family", "latents_from"),
    [("diagonal_gaussian", "posterior"), ("full_covariance_gaussian", "prior")],
)
def test_a_spoilt_encoder_finds_the_exact_optimum(family, latents_from):
    """On new data the ELBO is the best that the family allows: the amortization gap is gone."""
    model = linear_model(family, loc_shift=1.0, scale_factor=1.5)
    best = exact_elbo(linear_model(family))
    assert (best - exact_elbo(model)).mean() > 3
    refitted = refit(
        model,
        of_the_linear_model(1000),
        latents_from=latents_from,
        epochs=30,
        batch_size=100,
        learning_rate=0.03,
    )
    assert 0 <= (best - exact_elbo(refitted)).mean() < 0.005
    z = np.random.default_rng(0).normal(size=(50, 2)).astype("float32")
    for name, value in model.decode(z).items():  # and so log p(x) stays
        np.testing.assert_array_equal(refitted.decode(z)[name], value)


def test_samples_of_the_posterior_are_of_the_model(passes):
    """x′ given x is N(W·E[z|x] + b, W·Cov[z|x]·Wᵀ + s²I), as q is the exact posterior."""
    x = of_the_linear_model(3000)
    refit(linear_model(), x, epochs=1, batch_size=1000)
    np.testing.assert_array_equal(passes[0][:3000], x)
    mean = (x - BIAS) @ WEIGHTS / S**2 @ COVARIANCE @ WEIGHTS.T + BIAS
    assert_normal(passes[0][3000:] - mean, WEIGHTS @ COVARIANCE @ WEIGHTS.T + S**2 * np.eye(4))


def test_samples_of_the_prior_are_of_the_model(passes):
    """x′ is N(b, WWᵀ + s²I), whatever x and the encoder are."""
    model = linear_model(loc_shift=3.0)
    refit(model, np.tile(X, [75, 1]), epochs=1, batch_size=1000, latents_from="prior")
    assert_normal(passes[0][3000:] - BIAS, WEIGHTS @ WEIGHTS.T + S**2 * np.eye(4))


def assert_normal(deviations, covariance):
    """Mean 0 and the covariance, to 4.5 standard errors of 3,000 normal vectors."""
    variances = np.diag(covariance)
    assert np.all(np.abs(deviations.mean(axis=0)) < 4.5 * np.sqrt(variances / 3000))
    errors = np.sqrt((covariance**2 + np.outer(variances, variances)) / 3000)
    assert np.all(np.abs(np.cov(deviations.T) - covariance) < 4.5 * errors)


def test_samples_are_new_in_each_epoch(passes):
    refit(small_model(input_dim=64), DIGITS, epochs=3)
    samples = [both[50:] for both in passes]
    for both in passes:
        np.testing.assert_array_equal(both[:50], DIGITS)
    changed = [np.any(a != b, axis=1).mean() for a, b in itertools.pairwise(samples)]
    assert changed == [1, 1]


def test_multinomial_samples_have_the_totals_of_the_data(passes):
    """And their categories, the probabilities of the model: here the same for all z."""
    model = small_model(input_dim=3, likelihood="multinomial", decoder_units=())
    logits = np.log([0.2, 0.3, 0.5])
    model.decoder.set_weights([np.zeros((LATENT_DIM, 3)), logits])
    x = np.random.default_rng(0).integers(1, 9, (500, 3))
    refit(model, x, epochs=1, batch_size=500)
    samples = passes[0][500:]
    np.testing.assert_array_equal(samples.sum(axis=1), x.sum(axis=1))
    probabilities = scipy.special.softmax(logits)
    total = x.sum()
    errors = np.sqrt(probabilities * (1 - probabilities) / total)
    assert np.all(np.abs(samples.sum(axis=0) / total - probabilities) < 4.5 * errors)


def test_the_given_model_does_not_change(without_xla):
    """It trains on as one whose encoder has not been refitted."""
    models = [compiled("dvae", keras.optimizers.Adam(0.01), input_dim=64) for _ in range(2)]
    for model in models:
        model.fit(DIGITS, batch_size=20, verbose=0)
    models[0].encoder.layers[-1].trainable = False
    before = [*weights(models[0]), *models[0].optimizer.variables]
    refitted = refit(models[0], DIGITS)
    assert type(refitted) is air_tf.VariationalAutoencoder
    assert refitted.get_config() == models[0].get_config()
    assert_equal([*weights(models[0]), *models[0].optimizer.variables], before)
    models[0].encoder.layers[-1].trainable = True
    for model in models:
        model.fit(DIGITS, batch_size=20, verbose=0)
    assert_equal(weights(models[0]), weights(models[1]))


def test_the_seed_alone_decides(without_xla):
    """The seed of the model does not, nor do seeds of Keras and NumPy."""
    first = small_model("diwae", input_dim=64, seed=None)
    second = small_model("diwae", input_dim=64, seed=5)
    second.set_weights(first.get_weights())
    found = []
    for model, seed in ((first, 1), (second, 1), (first, 2)):
        keras.utils.set_random_seed(len(found))
        found.append(weights(refit(model, DIGITS, seed=seed).encoder))
    assert_equal(found[0], found[1])
    assert all(np.any(a != b) for a, b in zip(found[0], found[2], strict=True))


def test_resumes_as_if_not_interrupted(tmp_path, monkeypatch, without_xla):
    model = small_model("dwni_iwae", input_dim=64)
    whole = weights(refit(model, DIGITS, epochs=5))
    write, written = finished_batches.write_last, []

    def counted(path, index, results):
        if index == interrupted:
            raise KeyboardInterrupt
        write(path, index, results)
        written.append(index)

    monkeypatch.setattr(finished_batches, "write_last", counted)
    interrupted = 3
    with pytest.raises(KeyboardInterrupt):
        refit(model, DIGITS, epochs=5, backup_dir=tmp_path)
    interrupted = None
    assert_equal(weights(refit(model, DIGITS, epochs=5, backup_dir=tmp_path)), whole)
    assert written == [1, 2, 3, 4, 5]
    assert_equal(weights(refit(model, DIGITS, epochs=5, backup_dir=tmp_path)), whole)
    assert written == [1, 2, 3, 4, 5]
    (file,) = tmp_path.glob("*/*")  # the state of the last epoch alone
    file.write_bytes(b"damaged")
    assert_equal(weights(refit(model, DIGITS, epochs=5, backup_dir=tmp_path)), whole)
    assert written == 2 * [1, 2, 3, 4, 5]


@pytest.fixture
def fitted(monkeypatch):
    """Models whose `fit` was called, which does nothing."""
    models = []

    def fit(self, *arguments, **options):
        models.append(self)
        return types.SimpleNamespace(history={"loss": [0.0], "elbo": [0.0]})

    monkeypatch.setattr(air_tf.VariationalAutoencoder, "fit", fit)
    return models


def test_takes_xla_as_the_model_does(fitted):
    for jit_compile in (False, True):
        refit(compiled(input_dim=64, jit_compile=jit_compile), DIGITS, epochs=1)
    refit(small_model(input_dim=64), DIGITS, epochs=1)
    assert [model.jit_compile for model in fitted] == [False, True, True]


@pytest.mark.usefixtures("fitted")
def test_reads_nothing_of_another_call(tmp_path):
    model, other = (small_model(input_dim=64, seed=seed) for seed in (0, 1))
    calls = [
        {},
        {"x": DIGITS[1:]},
        {"seed": 1},
        {"latents_from": "prior"},
        {"epochs": 3},
        {"batch_size": 17},
        {"learning_rate": 0.001},
        {"encoder": other.encoder},
        {"model": other},
    ]
    for call in calls:
        refit(**{"model": model, "x": DIGITS, **call}, backup_dir=tmp_path)
    assert len(list(tmp_path.iterdir())) == len(calls)


def test_trains_a_given_encoder(without_xla):
    """With its noise and caps, from its own weights."""
    model, donor = small_model(input_dim=64), small_model("dwni_vae", input_dim=64, seed=7)
    before = weights(donor.encoder)
    still = refit(model, DIGITS, encoder=donor.encoder, learning_rate=1e-12)
    for a, b in zip(weights(still.encoder), before, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    refitted = refit(model, DIGITS, encoder=donor.encoder, learning_rate=0.05)
    assert_equal(weights(donor.encoder), before)
    assert_equal(weights(refitted.decoder), weights(model.decoder))
    kinds = [type(layer) for layer in refitted.encoder.layers]
    assert kinds == [type(layer) for layer in donor.encoder.layers]
    assert air_tf.layers.NoiseInjection in kinds
    capped = [layer for layer in refitted.encoder.layers if hasattr(layer, "max_norm")]
    assert all(np.all(np.linalg.norm(c.kernel, axis=0) <= c.max_norm + 1e-6) for c in capped)
    assert len(capped) == 2


def test_what_was_frozen_stays_frozen(without_xla):
    model = small_model(input_dim=64)
    model.encoder.layers[0].trainable = False
    model.decoder.layers[0].trainable = False
    model.decoder.layers[1].bias.trainable = False
    refitted = refit(model, DIGITS)
    flags = [[weight.trainable for weight in m.weights] for m in (model, refitted)]
    assert flags[0] == flags[1]
    assert_equal(weights(refitted.encoder.layers[0]), weights(model.encoder.layers[0]))
    assert np.any(refitted.encoder.layers[1].kernel != model.encoder.layers[1].kernel)


def test_a_decoder_with_a_state_stays(without_xla):
    """A layer that normalizes batches changes its averages in training, unless it is frozen."""
    encoder = keras.Sequential([keras.Input((64,)), keras.layers.Dense(4)])
    normalized = [keras.layers.BatchNormalization(), keras.layers.Dense(64)]
    decoder = keras.Sequential([keras.Input((2,)), *normalized])
    model = air_tf.VariationalAutoencoder(encoder, decoder, seed=0)
    refitted = refit(model, DIGITS)
    assert_equal(weights(refitted.decoder), weights(model.decoder))


@keras.saving.register_keras_serializable(package="test_refit_encoder")
class Tempered(air_tf.VariationalAutoencoder):
    """A subclass with a trainable weight of its own, on which log p(x) depends."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.temperature = self.add_weight(shape=(), initializer="ones", name="temperature")

    def likelihood_outputs(self, z, training=False):
        return super().likelihood_outputs(z, training) / self.temperature


class Unknown(air_tf.VariationalAutoencoder):
    """A subclass that `from_config` cannot make."""

    def __init__(self, depth, *args, **kwargs):
        super().__init__(*args, **kwargs)


def test_a_subclass(without_xla):
    parts = small_model(input_dim=64)
    model = Tempered(parts.encoder, parts.decoder, seed=0)
    model.temperature.assign(2.0)
    refitted = refit(model, DIGITS)
    assert type(refitted) is Tempered
    assert refitted.temperature.numpy() == 2.0
    assert refitted.temperature.trainable
    with pytest.raises(ValueError, match=r"that `from_config` makes again.*Received: Unknown"):
        refit(Unknown(3, parts.encoder, parts.decoder), DIGITS)


PARTS = (
    *air_tf.distributions.LIKELIHOODS,
    *("full_covariance", "conv", "mixture", "dreg", "float64", "mixed_float16"),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "latents_from"),
    [*((option, "posterior") for option in PARTS), ("multinomial", "prior"), ("conv", "prior")],
)
def test_every_part_of_a_model(option, latents_from, x, without_xla):
    model, x = small_model("dwni_iwae", **OPTIONS[option]), fitting(x, option)
    refitted = refit(model, x, latents_from=latents_from, epochs=1, learning_rate=0.01)
    assert_equal(weights(refitted.decoder), weights(model.decoder))
    for before, after in zip(model.encoder.weights, refitted.encoder.weights, strict=True):
        assert np.all(np.isfinite(after))
        # A cap's u is idle where the column lies below the cap.
        assert np.any(before.numpy() != after) or before.name == "u"
    assert np.all(np.isfinite(refitted.log_weights(x, 3, seed=0)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latents_from": "prio"}, "did you mean 'prior'"),
        ({"epochs": 0}, "`epochs` must be"),
        ({"batch_size": 2.5}, "`batch_size` must be"),
        ({"learning_rate": 0.0}, "`learning_rate` must be"),
        ({"learning_rate": 1e30}, "`learning_rate` must be low enough"),
        ({"x": X[:, :2]}, r"\[N, 4\]"),
        ({"x": X * np.nan}, "finite real numbers"),
        ({"encoder": keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])}, "encoder"),
        ({"encoder": keras.Sequential([keras.Input((5,)), keras.layers.Dense(5)])}, "encoder"),
    ],
)
def test_rejects(options, message, without_xla):
    with pytest.raises(ValueError, match=message):
        refit(**{"model": linear_model(), "x": X, **options})


def test_rejects_an_encoder_with_nothing_to_train():
    model = linear_model()
    model.encoder.trainable = False
    with pytest.raises(ValueError, match=r"trainable weights. Received: 'sequential"):
        refit(model, X)


def test_keeps_the_strategy(without_xla):
    """One replica of a strategy is as none."""
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope():
        model = small_model(input_dim=64)
    refitted = refit(model, DIGITS)
    assert refitted.distribute_strategy is strategy
    assert_equal(weights(refitted), weights(refit(small_model(input_dim=64), DIGITS)))
