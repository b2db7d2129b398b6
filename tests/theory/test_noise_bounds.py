"""Appendix B: log p(x) ≥ L_marginal ≥ L_auxiliary, in closed form and for any model."""

import numpy as np
import pytest

import air_tf
from air_tf.theory import noise_bounds
from tests.conftest import small_model, strengths
from tests.evaluation.test_linear_gaussian import assert_right
from tests.linear_gaussian import BIAS, COVARIANCE, LOG_P, PRECISION, X
from tests.theory.noisy_linear_gaussian import (
    GAIN,
    best_gain,
    best_offset,
    divergence,
    noisy_model,
)

STDDEV = 0.3


def exact_marginal():
    """The ELBO of q_m(z|x) = N(Ax + a, C + σ²AAᵀ): log p(x) − KL(q_m(z|x) ‖ p(z|x))."""
    gain = best_gain(STDDEV)
    ratio = PRECISION @ (COVARIANCE + STDDEV**2 * gain @ gain.T)
    v = X @ gain.T + best_offset(gain) - (X - BIAS) @ GAIN.T
    of_covariance = np.trace(ratio) - 2 - np.linalg.slogdet(ratio)[1]
    return LOG_P - (np.einsum("bi,ij,bj->b", v, PRECISION, v) + of_covariance) / 2


def test_closed_form():
    """The estimate of the marginal bound is below it by a bias in 1/M."""
    bounds = noise_bounds(noisy_model(STDDEV), X, 200, 20, progress=False)
    assert_right(bounds.auxiliary, LOG_P - divergence(STDDEV))
    assert_right(bounds.marginal, exact_marginal(), slack=2e-3)
    assert (bounds.marginal - bounds.auxiliary).mean > 0.01


def test_it_tightens_with_the_number_of_noises():
    exact = exact_marginal().mean()
    below = []
    for num_noise_samples in (1, 3, 25):
        repeats = 3000 // num_noise_samples  # the same number of z
        bounds = noise_bounds(noisy_model(STDDEV), X, num_noise_samples, repeats, progress=False)
        # The auxiliary bound has the same random numbers, and is known.
        difference = bounds.marginal - bounds.auxiliary
        below.append(exact - (LOG_P - divergence(STDDEV)).mean() - difference.mean)
        if num_noise_samples == 1:
            np.testing.assert_allclose(difference.per_example, 0.0, atol=1e-5)
        assert difference.mean < np.log(num_noise_samples) + 1e-6
    assert np.all(np.diff(below) < 0)
    assert -1e-3 < below[-1] < below[0] / 10


@pytest.mark.parametrize("family", air_tf.distributions.VARIATIONAL_FAMILIES)
@pytest.mark.parametrize("name", ["dvae", "dvae_half", "dwni_iwae"])
def test_the_order_holds_for_any_model(name, family, x, monkeypatch):
    monkeypatch.setattr(air_tf.VariationalAutoencoder, "compiles_to_xla", lambda self: False)
    model = small_model(name, variational_family=family, noise_stddev=1.0)
    bounds = noise_bounds(model, x, 8, 100, progress=False)
    log_p = air_tf.evaluation.importance_log_likelihood(model, x, 2000, progress=False)
    gap = bounds.marginal - bounds.auxiliary
    assert gap.mean > 4 * gap.standard_error
    slack = log_p - bounds.marginal
    assert slack.mean > 4 * slack.standard_error


def test_without_noise_they_are_one(x):
    bounds = noise_bounds(small_model("vae"), x, 3, 5, progress=False)
    gap = bounds.marginal - bounds.auxiliary
    np.testing.assert_allclose(gap.per_example, 0.0, atol=1e-5)


def test_the_auxiliary_bound_is_the_training_bound(x, monkeypatch):
    """Of a model with one sample: R = log p(x) − L, from other random numbers."""
    monkeypatch.setattr(air_tf.VariationalAutoencoder, "compiles_to_xla", lambda self: False)
    model = small_model("dvae", **strengths("dvae"))
    bounds = noise_bounds(model, x, 10, 100, progress=False)
    options = {"quality": "fast", "progress": False}
    r = air_tf.theory.regularization(model, x, 1000, **options)
    log_p = air_tf.evaluation.iw_svi(model, x, **options)
    assert_right(bounds.auxiliary, (log_p - r).per_example)


def test_nothing_of_the_model_changes_and_a_seed_repeats(x):
    model = small_model("dvae", noise_stddev=0.5)
    before = [variable.numpy().copy() for variable in model.variables]
    values = [
        noise_bounds(model, x, 3, 5, seed=seed, progress=False).marginal.per_example
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(values[0], values[1])
    assert np.all(values[0] != values[2])
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_noise_samples": 0}, "`num_noise_samples`"),
        ({"num_samples": 1.5}, "`num_samples`"),
        ({"x": X[:, :2]}, r"\[N, 4\]"),
    ],
)
def test_rejects(arguments, message):
    with pytest.raises(ValueError, match=message):
        noise_bounds(noisy_model(0.1), **{"x": X, "progress": False, **arguments})


@pytest.mark.parametrize("dtype", ["mixed_bfloat16"])
def test_images_of_any_dtype_and_batches_that_resume(dtype, x, tmp_path, monkeypatch):
    monkeypatch.setattr(air_tf.VariationalAutoencoder, "compiles_to_xla", lambda self: False)
    shape = {"input_dim": None, "input_shape": (3, 4, 1), "architecture": "conv"}
    model = small_model("dvae", noise_stddev=1.0, dtype=dtype, **shape)
    options = {"batch_size": 20, "progress": False, "backup_dir": str(tmp_path)}
    images = x.reshape(-1, 3, 4, 1)
    bounds = noise_bounds(model, images, 4, 5, **options)
    r = air_tf.theory.regularization(model, images, 5, quality="fast", **options)
    assert np.all(bounds.marginal.per_example < 0)
    assert r.mean > 0

    def fails(*arguments, **options):
        raise AssertionError("The finished batches are computed again.")

    monkeypatch.setattr(air_tf.evaluation.programs, "run", fails)
    again = noise_bounds(model, images, 4, 5, **options)
    np.testing.assert_array_equal(again.marginal.per_example, bounds.marginal.per_example)
    again = air_tf.theory.regularization(model, images, 5, quality="fast", **options)
    np.testing.assert_array_equal(again.per_example, r.per_example)
