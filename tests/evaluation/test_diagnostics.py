"""Effective sample size, Pareto k̂, the warning, and active units."""

import warnings

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from arviz_stats.base import array_stats

import air_tf
from air_tf import prng
from air_tf.evaluation import UnreliableEstimateWarning, streaming_bounds
from air_tf.evaluation.pareto_tail import NUM_LARGEST, pareto_k
from tests.linear_gaussian import X, linear_model

QUIET = {"progress": False}


def pareto_weights(shape, count, rows, seed=0):
    """Log weights of a Pareto distribution with tail index 1/shape."""
    return -shape * np.log(np.random.default_rng(seed).uniform(size=(rows, count)))


def largest_of(log_weights, seed=0):
    """What `streaming_bounds` keeps, in no order."""
    kept = np.sort(log_weights, axis=1)[:, -NUM_LARGEST:]
    return np.random.default_rng(seed).permuted(kept, axis=1)


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("count", [5000, 30_000])
def test_the_tail_index_is_found(shape, count):
    found = pareto_k(largest_of(pareto_weights(shape, count, 50)), count)
    error = found.std(ddof=1) / np.sqrt(len(found))
    # Vehtari et al. add ten observations of 0.5 to the tail of 3√k, at most 300.
    tail = min(3 * np.sqrt(count), 300)
    expected = (tail * shape + 10 * 0.5) / (tail + 10)
    assert abs(found.mean() - expected) < 4 * error + 0.01


@hypothesis.given(st.integers(25, 10_000), st.floats(0.05, 20), st.integers(0, 99))
@hypothesis.settings(max_examples=30, deadline=None)
def test_the_largest_weights_give_what_all_give(count, scale, seed):
    log_weights = scale * np.random.default_rng(seed).standard_normal((2, count))
    expected = array_stats.psislw(-log_weights)[1]
    shift = 1000.0  # densities have no scale
    np.testing.assert_allclose(pareto_k(largest_of(log_weights) + shift, count), expected, 1e-6)


@pytest.mark.parametrize(
    ("log_weights", "count", "expected"),
    [
        (np.zeros(NUM_LARGEST), 5000, np.nan),  # all the same
        (np.full(NUM_LARGEST, -np.inf), 5000, np.nan),  # none at all
        (np.arange(24.0), 24, np.nan),  # too few
        (np.r_[np.zeros(NUM_LARGEST - 1), 50.0], 5000, np.inf),  # one beats all others
        (np.linspace(0, 1e6, NUM_LARGEST), 5000, np.inf),
    ],
)
def test_tails_that_no_fit_takes(log_weights, count, expected):
    np.testing.assert_equal(pareto_k(log_weights[np.newaxis], count), [expected])


@pytest.mark.parametrize("num_samples", [1, 24, 50, 99, 1000, 1049, 2500])
def test_streamed_diagnostics_are_those_of_all_weights(num_samples):
    """The same samples drawn at once: sums, effective sample size and the largest weights."""
    model, x, seed = linear_model(loc_shift=0.4, scale_factor=0.7), X[:7], prng.as_seed(3)
    outputs = model.posterior_outputs(tf.constant(x))
    q = model.variational_family(outputs)
    chunks = [
        model.log_importance_weights(x, q, streaming_bounds.CHUNK, prng.fold_in(seed, i)).numpy()
        for i in range(-(-num_samples // streaming_bounds.CHUNK))
    ]
    log_weights = np.concatenate(chunks)[:num_samples].astype(float)
    found = streaming_bounds.streaming_bounds(model, x, outputs, seed, num_samples)
    weights = np.exp(log_weights)
    np.testing.assert_allclose(found.iwae, np.log(weights.mean(axis=0)), rtol=1e-4)
    np.testing.assert_allclose(found.elbo, log_weights.mean(axis=0), rtol=1e-4)
    effective = weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0)
    np.testing.assert_allclose(found.effective_sample_size, effective, rtol=1e-3)
    kept = min(num_samples, NUM_LARGEST)
    largest = np.sort(found.largest.numpy(), axis=1)
    expected = np.sort(log_weights.T, axis=1)
    np.testing.assert_allclose(largest[:, -kept:], expected[:, -kept:], rtol=1e-5)
    assert np.isneginf(largest[:, :-kept]).all()


def test_a_narrow_posterior_has_a_heavy_tail():
    """Weights p/q of Gaussians have 1 − s² as their tail index, for q of s times the scale."""
    for factor, expected in ((0.6, 1 - 0.6**2), (0.9, 1 - 0.9**2)):
        model = linear_model(scale_factor=factor)
        # It is that in one direction; two directions add a slowly falling factor.
        found = air_tf.evaluation.importance_log_likelihood(model, X, 20_000, **QUIET)
        assert abs(np.median(found.pareto_k) - expected) < 0.2
    wide = air_tf.evaluation.importance_log_likelihood(linear_model(scale_factor=1.3), X, **QUIET)
    assert (wide.pareto_k < 0).all()  # weights with a greatest value


def test_every_importance_estimate_warns_with_the_share():
    """Encoders that are far too narrow; IW-SVI of one step does not mend them."""
    model = linear_model(scale_factor=0.2)
    evaluation = air_tf.evaluation
    one_step = {"num_samples": 1000, "num_train_samples": 2, "max_steps": 1, **QUIET}
    with pytest.warns(UnreliableEstimateWarning, match=r"IWAE-1000: .* of 40 examples") as found:
        estimate = evaluation.importance_log_likelihood(model, X, 1000, **QUIET)
    assert f"{estimate.unreliable_share:.1%}" in str(found[0].message)
    assert estimate.unreliable_share == np.mean(estimate.pareto_k > 0.7) > 0.5
    assert found[0].filename == __file__
    assert set(estimate.summary()) == {
        *("mean", "standard_error", "effective_sample_size", "unreliable_share"),
    }
    with pytest.warns(UnreliableEstimateWarning, match="IW-SVI-1000"):
        evaluation.iw_svi(model, X, **one_step)
    with pytest.warns(UnreliableEstimateWarning) as found:
        gaps = evaluation.inference_gaps(model, X, **one_step)
    assert [str(each.message).split(":")[0] for each in found] == ["IW-SVI-1000", "IWAE-1000"]
    assert gaps.importance_log_likelihood.unreliable_share > 0.5


def test_a_good_encoder_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnreliableEstimateWarning)
        exact = air_tf.evaluation.importance_log_likelihood(linear_model(), X, 1000, **QUIET)
        wide = linear_model(scale_factor=1.3)
        estimate = air_tf.evaluation.iw_svi(wide, X, **QUIET, quality="fast")
    assert exact.unreliable_share == estimate.unreliable_share == 0
    np.testing.assert_allclose(exact.effective_sample_size, 1000, rtol=1e-3)
    assert estimate.effective_sample_size.min() > 1000


def test_validation_in_fit_does_not_warn():
    model = linear_model(scale_factor=0.2)
    model.compile(jit_compile=False)
    callback = air_tf.callbacks.IWSVIValidation(X, 100, max_steps=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnreliableEstimateWarning)
        model.fit(X, validation_data=(X,), epochs=1, verbose=0, callbacks=[callback])


def test_active_units_are_those_that_the_encoder_uses():
    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
    kernel = np.zeros((4, 8))
    kernel[0, :3] = 1.0, 0.3, 0.05  # standard deviations of the means, beside that of x
    encoder.set_weights([kernel, np.arange(8.0)])
    decoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    model = air_tf.VariationalAutoencoder(encoder, decoder)
    x = scipy.stats.bernoulli(0.5).rvs((400, 4), random_state=0)
    active = air_tf.evaluation.active_units(model, x)
    assert active.tolist() == [True, True, False, False]
    of_all = air_tf.evaluation.active_units(model, x, threshold=1e-5, batch_size=7)
    assert of_all.tolist() == [True, True, True, False]
    with pytest.raises(ValueError, match="Received: threshold=0"):
        air_tf.evaluation.active_units(model, x, threshold=0)
    with pytest.raises(ValueError, match=r"two examples\. Received: 1"):
        air_tf.evaluation.active_units(model, x[:1])
