"""The evaluators on a model with closed forms of log p(x), ELBO and best posterior."""

import numpy as np
import pytest
import scipy.special

import air_tf
from air_tf.evaluation.optimize_posterior import optimize_posterior
from tests.linear_gaussian import BIAS, LOG_P, WEIGHTS, X, exact_elbo, linear_model, log_p


def assert_right(estimate, exact, slack=0.0):
    """Right on average, to 4 standard errors of the deviations (pure sampling noise)."""
    deviation = np.asarray(estimate.per_example, np.float64) - exact
    error = deviation.std() / np.sqrt(len(deviation))
    assert abs(deviation.mean()) < 4 * error + slack, (deviation.mean(), error)


def test_exact_posterior_has_constant_weights():
    log_weights = linear_model().log_weights(X, 7, seed=0)
    np.testing.assert_allclose(log_weights, np.tile(LOG_P, [7, 1]), atol=2e-4)


@pytest.mark.parametrize("family", air_tf.distributions.VARIATIONAL_FAMILIES)
def test_importance_sampling_converges_to_log_p(family):
    model = linear_model(family, loc_shift=0.15, scale_factor=1.3)
    estimate = air_tf.evaluation.importance_log_likelihood(model, X, 4000, progress=False)
    np.testing.assert_allclose(estimate.per_example, LOG_P, atol=0.15)
    # The bias of log-mean-exp is −variance/(2k), below 1e-3 here.
    assert_right(estimate, LOG_P, slack=1e-3)


@pytest.mark.parametrize("family", air_tf.distributions.VARIATIONAL_FAMILIES)
def test_gaps_are_right(family):
    """All seven numbers, from an encoder with wrong mean and scale."""
    model = linear_model(family, loc_shift=0.2, scale_factor=1.5)
    gaps = air_tf.evaluation.inference_gaps(
        model, X, 2000, num_train_samples=16, max_steps=400, progress=False
    )
    elbo = exact_elbo(model)
    optimal = exact_elbo(linear_model(family))
    assert_right(gaps.log_likelihood, LOG_P, slack=1e-3)
    assert_right(gaps.importance_log_likelihood, LOG_P, slack=2e-3)
    assert_right(gaps.elbo, elbo)
    # Adam stops within its noise around the optimum: less than a hundredth of a nat below it.
    assert_right(gaps.optimal_elbo, optimal, slack=0.01)
    assert_right(gaps.inference_gap, LOG_P - elbo, slack=2e-3)
    assert_right(gaps.approximation_gap, LOG_P - optimal, slack=0.01)
    assert_right(gaps.amortization_gap, optimal - elbo, slack=0.01)
    summary = gaps.summary()
    total = summary["approximation_gap"]["mean"] + summary["amortization_gap"]["mean"]
    assert np.isclose(summary["inference_gap"]["mean"], total, atol=1e-5)


def test_iw_svi_beats_importance_sampling_with_a_bad_encoder():
    """Claim 7: few samples from a wrong q miss the value; the optimised q does not."""
    model = linear_model(loc_shift=1.5, scale_factor=0.6)
    plain = air_tf.evaluation.importance_log_likelihood(model, X, 2000, progress=False)
    svi = air_tf.evaluation.iw_svi(model, X, 2000, max_steps=500, progress=False)
    assert (svi - plain).mean > 0.5
    assert_right(svi, LOG_P, slack=0.01)
    assert np.all(svi.num_steps <= 500)


@pytest.mark.parametrize("importance_weighted", [False, True])
def test_nothing_moves_the_exact_posterior(importance_weighted):
    """The gradient has no variance where all weights are equal."""
    model = linear_model()
    outputs = model.posterior_outputs(X)
    optimal = optimize_posterior(
        model, X, outputs, [0, 1], 50, 0.1, importance_weighted, num_train_samples=4
    )
    np.testing.assert_allclose(optimal, outputs, atol=0.01)


@pytest.mark.parametrize("family", air_tf.distributions.VARIATIONAL_FAMILIES)
@pytest.mark.parametrize("noise", [1.0, 0.1, 0.01])
def test_steps_fit_the_width_of_the_posterior(family, noise):
    """q starts 1.5 standard deviations off, whatever they are: the same rate finds q*."""
    covariance = np.linalg.inv(np.eye(2) + WEIGHTS.T @ WEIGHTS / noise**2)
    shift = 1.5 * np.sqrt(np.diag(covariance)).mean()
    model = linear_model(family, loc_shift=shift, scale_factor=0.6, noise=noise)
    z, error = np.split(np.random.default_rng(1).normal(size=(40, 6)), [2], axis=1)
    x = (z @ WEIGHTS.T + BIAS + noise * error).astype("float32")
    plain = air_tf.evaluation.importance_log_likelihood(model, x, 500, progress=False)
    svi = air_tf.evaluation.iw_svi(model, x, 500, progress=False)
    assert (svi - plain).mean > 0.1
    assert_right(svi, log_p(x, noise), slack=5e-3)


def test_every_step_counts():
    """Each step brings a q that is far off closer."""
    model = linear_model(loc_shift=1.5)
    start = air_tf.evaluation.importance_log_likelihood(model, X, 200, progress=False)
    few, more = (
        air_tf.evaluation.iw_svi(model, X, 200, max_steps=steps, progress=False)
        for steps in (9, 19)
    )
    assert (few - start).mean > 0.1
    assert (more - few).mean > 0.1
    assert np.all(few.num_steps == 9)


def test_gaps_have_the_log_likelihood_of_iw_svi():
    model = linear_model(loc_shift=0.5)
    options = {"num_samples": 60, "max_steps": 10, "batch_size": 16, "progress": False}
    gaps = air_tf.evaluation.inference_gaps(model, X, **options)
    alone = air_tf.evaluation.iw_svi(model, X, **options)
    np.testing.assert_array_equal(gaps.log_likelihood.per_example, alone.per_example)
    np.testing.assert_array_equal(gaps.log_likelihood.num_steps, alone.num_steps)


def test_quality_sets_what_is_not_given():
    assert air_tf.evaluation.spent_effort("fast", max_steps=7) == {
        **air_tf.evaluation.QUALITIES["fast"],
        "max_steps": 7,
    }
    model, options = linear_model(loc_shift=0.5), {"max_steps": 5, "progress": False}
    fast = air_tf.evaluation.iw_svi(model, X, quality="fast", **options)
    same = air_tf.evaluation.iw_svi(model, X, 3000, 8, **options)
    np.testing.assert_array_equal(fast.per_example, same.per_example)
    with pytest.raises(ValueError, match="did you mean 'tight'"):
        air_tf.evaluation.iw_svi(model, X, quality="tigth")


@pytest.mark.parametrize("num_samples", [1, 7, 100, 137])
def test_remainder_of_a_chunk_is_exact(num_samples):
    """k samples in chunks of 50 count as exactly k samples."""
    model = linear_model(loc_shift=0.5)
    tiled = np.tile(X, [12, 1])
    estimate = air_tf.evaluation.importance_log_likelihood(
        model, tiled, num_samples, batch_size=len(X), progress=False
    )
    repeats = estimate.per_example.reshape(12, len(X)).mean(axis=1)
    log_weights = model.log_weights(X, 200 * num_samples, seed=0).numpy()
    groups = log_weights.reshape(num_samples, 200, len(X))
    expected = (scipy.special.logsumexp(groups, axis=0) - np.log(num_samples)).mean(axis=1)
    error = np.hypot(np.std(repeats, ddof=1) / np.sqrt(12), np.std(expected, ddof=1) / np.sqrt(200))
    assert abs(repeats.mean() - expected.mean()) < 4.5 * error


def test_short_last_batch_is_complete_and_in_order():
    model = linear_model(loc_shift=0.1)
    for n in (1, 17, 40):
        estimate = air_tf.evaluation.importance_log_likelihood(
            model, X[:n], 500, batch_size=16, progress=False
        )
        np.testing.assert_allclose(estimate.per_example, LOG_P[:n], atol=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "`num_samples`"),
        ({"num_samples": 2.5}, "`num_samples`"),
    ],
)
@pytest.mark.parametrize("name", ["importance_log_likelihood", "iw_svi", "inference_gaps"])
def test_rejects(name, arguments, message):
    options = {"x": X, "num_samples": 10, "progress": False, **arguments}
    with pytest.raises(ValueError, match=message):
        getattr(air_tf.evaluation, name)(linear_model(), **options)


def test_estimate():
    estimate = air_tf.evaluation.Estimate(np.array([1.0, 2.0, 6.0]))
    assert estimate.mean == 3.0
    np.testing.assert_allclose(estimate.standard_error, np.sqrt(7 / 3))
    assert np.isnan(air_tf.evaluation.Estimate(np.array([1.0])).standard_error)
