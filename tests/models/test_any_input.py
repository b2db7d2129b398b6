"""Any sizes, options and data: every case trains and evaluates to finite numbers, or is refused."""

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf

import air_tf
from tests.conftest import small_model
from tests.properties import SETTINGS

FEW = hypothesis.settings(SETTINGS, max_examples=15)
UNITS = st.lists(st.integers(1, 9), max_size=2).map(tuple)


@FEW
@hypothesis.given(
    name=st.sampled_from(air_tf.list_models()),
    n=st.integers(1, 7),
    width=st.integers(1, 9),
    batch_size=st.integers(1, 20),
    options=st.fixed_dictionaries(
        {
            "latent_dim": st.integers(1, 4),
            "encoder_units": UNITS,
            "decoder_units": UNITS,
            "num_monte_carlo_samples": st.integers(1, 3),
            "gradient_estimator": st.sampled_from(["standard", "resampled", "dreg", "stl"]),
            "variational_family": st.sampled_from(
                ["diagonal_gaussian", "full_covariance_gaussian"]
            ),
        }
    ),
    k=st.integers(1, 5),
    strength=st.floats(1e-3, 1e3),
    dtype=st.sampled_from(["uint8", "bool", "float32", "float64", "int64"]),
)
def test_sizes_and_options(name, n, width, batch_size, options, k, strength, dtype):
    if "iwae" in name:
        options["num_importance_samples"] = k
    if name.startswith("d"):
        options["noise_stddev"] = strength
    if "wni" in name:
        options["max_norm"] = strength
    x = np.random.default_rng(n).integers(0, 2, (n, width)).astype(dtype)
    model = air_tf.create_model(name, width, num_validation_samples=3, seed=0, **options)
    model.initialize_output_bias(x)
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    arguments = {"batch_size": batch_size, "epochs": 2, "verbose": 0}
    history = model.fit(x, validation_data=(x,), **arguments).history
    assert set(history) == {"loss", "elbo", "val_loss", "val_elbo", "val_iwae"}
    assert np.all(np.isfinite(list(history.values())))
    assert model.log_weights(x, k, seed=0).shape == (k, n)
    assert model.predict(x, verbose=0).shape == x.shape


MODEL = small_model()
MODEL.compile(run_eagerly=True)


@FEW
@hypothesis.given(
    x=hnp.arrays(
        dtype=st.sampled_from(["float32", "float64", "uint8", "bool", "int16", "U1", "complex64"]),
        shape=st.one_of(hnp.array_shapes(max_dims=3, min_side=0), st.just((2, 12))),
    )
)
def test_data(x):
    """Refused with what was received, or fit to train on; nothing in between."""
    fits = x.ndim == 2 and len(x) > 0 and x.shape[1] == 12 and x.dtype.kind in "fuib"
    fits = fits and bool(np.all((x == 0) | (x == 1)))
    methods = [lambda: MODEL.fit(x, verbose=0), lambda: MODEL.evaluate(x, verbose=0)]
    methods += [lambda: MODEL.encode(x), lambda: MODEL.log_weights(x, 2)]
    for method in methods:
        if fits:
            method()
        else:
            with pytest.raises(ValueError, match="Received"):
                method()


EXTREME = st.sampled_from([-1e30, -1e4, -60.0, 0.0, 60.0, 1e4, 1e30])


@SETTINGS
@hypothesis.given(logits=hnp.arrays("float32", (3, 5), elements=EXTREME), bits=st.integers(0, 31))
def test_extreme_logits(logits, bits):
    """log p(x) = x·l − softplus(l) by float64, and a gradient that is σ(−l) or −σ(l)."""
    x = np.float32([(bits >> i) & 1 for i in range(5)])
    with tf.GradientTape() as tape:
        variable = tf.Variable(logits)
        value = air_tf.distributions.BernoulliLikelihood()(variable).log_prob(x)
    exact = logits.astype("float64")
    expected = np.sum(x * exact - np.logaddexp(0, exact), axis=-1)
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    with np.errstate(over="ignore"):
        gradient = x - 1 / (1 + np.exp(-exact))
    np.testing.assert_allclose(tape.gradient(value, variable), gradient, rtol=1e-4, atol=1e-6)


@SETTINGS
@hypothesis.given(raw=hnp.arrays("float32", (2, 6), elements=EXTREME))
def test_scales_near_zero_and_far(raw):
    """A scale never reaches 0: the entropy of q is finite wherever the encoder goes."""
    raw = np.clip(raw, -1e4, 1e4)
    q = air_tf.distributions.DiagonalGaussianFamily()(tf.constant(raw))
    assert np.all(q.stddev() > 0)
    z = q.mean() + q.stddev()
    assert np.all(np.isfinite(q.log_prob(z)))


@pytest.mark.parametrize("estimator", ["standard", "resampled", "dreg", "stl"])
@pytest.mark.parametrize(
    ("name", "strength"),
    [("diwae", {"noise_stddev": 1e6}), ("diwae", {"noise_stddev": 1e-12})]
    + [("wni_iwae", {"max_norm": h, "cap": c}) for h in (1e-12, 1e6) for c in ("min", "sigmoid")],
)
def test_strengths_at_their_ends(name, strength, estimator, x):
    model = small_model(name, gradient_estimator=estimator, **strength)
    model.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    history = model.fit(x, epochs=2, verbose=0).history
    assert np.all(np.isfinite(history["loss"]))


def test_log_weights_under_bfloat16_are_those_of_float64():
    """To 2 % of their spread: bfloat16 has 8 bits, of which products of a few tens keep six."""
    x = (np.random.default_rng(0).random((40, 12)) < 0.5).astype("float32")
    models = {dtype: small_model("iwae", dtype=dtype) for dtype in ("float64", "mixed_bfloat16")}
    models["mixed_bfloat16"].set_weights(models["float64"].get_weights())
    z = np.random.default_rng(1).normal(size=(50, 40, 3))
    values = {}
    for dtype, model in models.items():
        q = model.variational_family(model.posterior_outputs(x))
        values[dtype] = model.log_weights_at(x, q, tf.constant(z, model.density_dtype)).numpy()
    assert values["mixed_bfloat16"].dtype == np.float32
    error = np.abs(values["mixed_bfloat16"] - values["float64"]).max()
    assert 0 < error < 0.02 * np.ptp(values["float64"])


def test_a_learning_rate_too_high_stays_finite_or_says_where_it_ended(x):
    """10,000 steps of Adam, and steps of SGD that must diverge."""
    model = small_model("dwni_iwae")
    model.compile(keras.optimizers.Adam(1.0))
    stop = air_tf.callbacks.TerminateOnNaN()
    try:
        many = np.tile(x, (50, 1))
        history = model.fit(many, batch_size=16, epochs=100, verbose=0, callbacks=[stop]).history
        assert model.optimizer.iterations.numpy() == 10_000
        assert np.all(np.isfinite(history["loss"]))
    except FloatingPointError as error:
        assert "from batch" in str(error)  # noqa: PT017
    model = small_model("vae")
    model.compile(keras.optimizers.SGD(1e6), steps_per_execution=2)
    with pytest.raises(FloatingPointError, match=r"batch \d of epoch \d+ on.*: encoder/dense"):
        model.fit(x, batch_size=8, epochs=50, verbose=0, callbacks=[stop])


@pytest.mark.parametrize("accumulated", [None, 4])
def test_where_the_loss_ended_is_counted_in_batches(accumulated, x):
    """Five batches that are finite, whatever the optimizer makes of them, then one that is not."""
    model = small_model()
    optimizer = keras.optimizers.SGD(0.0, gradient_accumulation_steps=accumulated)
    model.compile(optimizer, run_eagerly=True)
    spoil = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batch == 4 and spoil_bias(model)
    )
    stop = air_tf.callbacks.TerminateOnNaN()
    with pytest.raises(FloatingPointError, match="from batch 6 of epoch 1 on"):
        model.fit(x, batch_size=4, verbose=0, callbacks=[spoil, stop])


def test_a_model_of_another_kind_diverges():
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e30), loss="mse", run_eagerly=True)
    stop = air_tf.callbacks.TerminateOnNaN()
    with pytest.raises(FloatingPointError, match=r"from batch \d of epoch 1 on"):
        model.fit(np.ones((32, 12)), np.ones(32), batch_size=4, verbose=0, callbacks=[stop])


def spoil_bias(model):
    model.decoder.layers[-1].bias.assign(np.full(model.decoder.layers[-1].bias.shape, np.nan))
