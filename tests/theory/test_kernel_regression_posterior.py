"""Lemma 1, Theorem 1 and its Lipschitz constant, against minimisation and autodiff."""

import math

import hypothesis
import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp
from hypothesis import strategies as st

import air_tf
from air_tf.theory import kernel_regression_posterior, lipschitz_bound
from tests.conftest import small_model
from tests.properties import SETTINGS

N, Z = 5, 2
RNG = np.random.default_rng(0)
X_TRAIN = RNG.normal(size=(N, 3))
X = RNG.normal(size=(4, 3))
LOC = RNG.normal(size=(N, Z))
TRIL = tfp.math.fill_triangular(RNG.normal(size=(N, 3))).numpy() / 2
TRIL[:, range(Z), range(Z)] = RNG.uniform(0.3, 1.5, (N, Z))
POSTERIORS = {
    "diagonal": {"loc": LOC, "scale": TRIL[:, range(Z), range(Z)]},
    "full": {"loc": LOC, "scale_tril": TRIL},
}
each_kind = pytest.mark.parametrize("q", POSTERIORS.values(), ids=POSTERIORS)


def distribution(q):
    if "scale" in q:
        return tfp.distributions.MultivariateNormalDiag(q["loc"], q["scale"])
    return tfp.distributions.MultivariateNormalTriL(q["loc"], q["scale_tril"])


def kernel_weights(x, stddev):
    """w_σ by SciPy: the density of the noise at x − x_i, over its sum."""
    noise = scipy.stats.multivariate_normal(np.zeros(3), stddev**2 * np.eye(3))
    density = np.array([[noise.pdf(a - b) for b in X_TRAIN] for a in x])
    return density / density.sum(axis=1, keepdims=True)


@each_kind
def test_it_minimises_the_weighted_divergence(q):
    """Lemma 1: no Gaussian found by SciPy has a smaller Σ w KL(q ‖ q_i), with TFP's KL."""
    weights = kernel_weights(X, 0.8)
    found = kernel_regression_posterior(q, X_TRAIN, 0.8, X)
    np.testing.assert_allclose(found.weights, weights, rtol=1e-9)
    train = distribution(q)

    def candidate(parameters):
        loc, raw = parameters[:Z], parameters[Z:]
        if "scale" in q:
            return tfp.distributions.MultivariateNormalDiag(loc, np.exp(raw))
        tril = np.array([[np.exp(raw[0]), 0.0], [raw[1], np.exp(raw[2])]])
        return tfp.distributions.MultivariateNormalTriL(loc, tril)

    for index, w in enumerate(weights[:2]):

        def divergence(parameters, w=w):
            return w @ tfp.distributions.kl_divergence(candidate(parameters), train).numpy()

        start = np.zeros(Z + (Z if "scale" in q else 3))
        best = scipy.optimize.minimize(divergence, start, tol=1e-12)
        best = candidate(best.x)
        np.testing.assert_allclose(found.distribution.mean()[index], best.mean(), atol=1e-4)
        covariance = found.distribution.covariance()[index]
        np.testing.assert_allclose(covariance, best.covariance(), atol=1e-4)


@each_kind
def test_limits_of_the_noise(q):
    """σ → 0 gives the nearest q_i, σ → ∞ the mean of the natural parameters."""
    train = distribution(q)
    distances = np.linalg.norm(X[:, np.newaxis] - X_TRAIN, axis=2)
    for stddev in (0.0, 1e-200, 1e-3):
        nearest = kernel_regression_posterior(q, X_TRAIN, stddev, X)
        np.testing.assert_allclose(nearest.effective_neighbours, 1.0)
        index = distances.argmin(axis=1)
        np.testing.assert_allclose(nearest.distribution.mean(), LOC[index])
        covariance = train.covariance().numpy()[index]
        np.testing.assert_allclose(nearest.distribution.covariance(), covariance, atol=1e-12)
    precisions = np.linalg.inv(train.covariance())
    covariance = np.linalg.inv(precisions.mean(axis=0))
    loc = covariance @ np.einsum("nij,nj->i", precisions, LOC) / N
    for stddev in (math.inf, 1e8):
        everywhere = kernel_regression_posterior(q, X_TRAIN, stddev, X)
        np.testing.assert_allclose(everywhere.effective_neighbours, N)
        np.testing.assert_allclose(everywhere.distribution.mean(), np.tile(loc, [4, 1]))
        np.testing.assert_allclose(
            everywhere.distribution.covariance(), np.tile(covariance, [4, 1, 1]), atol=1e-12
        )


def test_ties_share_equally():
    both = kernel_regression_posterior(
        {"loc": [[1.0], [2.0], [9.0]], "scale": np.ones((3, 1))}, [[0], [0], [1]], 0.0, [[0.2]]
    )
    np.testing.assert_array_equal(both.weights, [[0.5, 0.5, 0.0]])


observations = st.lists(st.floats(-10, 10), min_size=3, max_size=3)


@SETTINGS
@hypothesis.given(
    st.lists(observations, min_size=N, max_size=N),
    observations,
    st.floats(0, 100) | st.just(math.inf),
)
def test_weights_are_probabilities(x_train, x, stddev):
    found = kernel_regression_posterior(POSTERIORS["full"], x_train, stddev, [x])
    np.testing.assert_allclose(np.sum(found.weights, axis=1), 1.0)
    assert np.all(found.weights >= 0)
    assert 1 - 1e-9 <= found.effective_neighbours[0] <= N + 1e-9
    assert np.all(np.isfinite(found.distribution.covariance()))


@SETTINGS
@hypothesis.given(st.permutations(range(N)), st.floats(-1e3, 1e3), st.floats(0.05, 50))
def test_neither_order_nor_a_common_shift_matters(order, shift, stddev):
    q = POSTERIORS["full"]
    plain = kernel_regression_posterior(q, X_TRAIN, stddev, X)
    reordered = {key: value[order] for key, value in q.items()}
    moved = kernel_regression_posterior(reordered, X_TRAIN[order] + shift, stddev, X + shift)
    np.testing.assert_allclose(moved.weights, plain.weights.numpy()[:, order], atol=1e-6)
    np.testing.assert_allclose(moved.natural_parameters, plain.natural_parameters, atol=1e-5)


def test_takes_what_a_model_returns(x):
    """Observations of any shape and dtype; the result serves as the model's q."""
    for family in air_tf.distributions.VARIATIONAL_FAMILIES:
        model = small_model(variational_family=family)
        train, test = x[:20], x[20:]
        found = kernel_regression_posterior(model.encode(train), train, 0.5, test)
        z = found.distribution.sample(3, seed=0)
        assert np.all(np.isfinite(model.log_weights_at(test, found.distribution, z)))
        images = train.reshape(20, 3, 4), 0.5, test.reshape(-1, 3, 4)
        same = kernel_regression_posterior(model.encode(train), *images)
        np.testing.assert_array_equal(same.weights, found.weights)


@each_kind
@pytest.mark.parametrize("stddev", [0.3, 1.0, 3.0])
def test_jacobian_is_a_covariance_below_the_bound(q, stddev):
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = kernel_regression_posterior(q, X_TRAIN, stddev, x)
    jacobian = tape.batch_jacobian(found.natural_parameters, x).numpy()
    etas = kernel_regression_posterior(q, X_TRAIN, 0.0, X_TRAIN).natural_parameters.numpy()
    bound = lipschitz_bound(q, X_TRAIN, stddev)
    for w, found in zip(kernel_weights(X, stddev), jacobian, strict=True):
        covariance = np.cov(np.concatenate([etas, X_TRAIN], axis=1).T, aweights=w, ddof=0)
        np.testing.assert_allclose(found, covariance[:-3, -3:] / stddev**2, atol=1e-9)
        assert np.linalg.norm(found, 2) <= bound


@each_kind
@pytest.mark.parametrize("stddev", [0.1, 0.5, 2.0])
def test_no_pair_exceeds_the_bound(q, stddev):
    rng = np.random.default_rng(1)
    a = rng.normal(size=(300, 3))
    b = a + rng.normal(size=(300, 3)) * 10 ** rng.uniform(-3, 1, (300, 1))
    eta_a, eta_b = (
        kernel_regression_posterior(q, X_TRAIN, stddev, x).natural_parameters for x in (a, b)
    )
    ratio = np.linalg.norm(eta_a - eta_b, axis=1) / np.linalg.norm(a - b, axis=1)
    assert ratio.max() <= lipschitz_bound(q, X_TRAIN, stddev)


def test_two_points_reach_the_bound():
    """Halfway between two training points, the Jacobian has the norm that the bound says."""
    q = {"loc": [[0.0], [2.0]], "scale": [[1.0], [0.5]]}
    x = tf.constant([[1.5]], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = kernel_regression_posterior(q, [[0.0], [3.0]], 0.7, x)
    jacobian = tape.batch_jacobian(found.natural_parameters, x)[0]
    bound = lipschitz_bound(q, [[0.0], [3.0]], 0.7)
    np.testing.assert_allclose(np.linalg.norm(jacobian), bound, rtol=1e-9)


@pytest.mark.parametrize("function", [kernel_regression_posterior, lipschitz_bound])
@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"stddev": -1.0}, ValueError, "`stddev`"),
        ({"x_train": X_TRAIN[:3]}, ValueError, r"\[3\].*batch_shape=\(5,\)"),
        ({"q_of_train": {"loc": LOC, "logits": LOC}}, ValueError, "loc and scale"),
        ({"q_of_train": {"loc": LOC, "scale": 0 * LOC}}, ValueError, r"q_of_train\[0\]"),
        ({"q_of_train": tfp.distributions.Normal(LOC, 1.0)}, TypeError, "a Normal"),
    ],
)
def test_rejects(function, changed, error, message):
    given = {"q_of_train": POSTERIORS["diagonal"], "x_train": X_TRAIN, "stddev": 1.0, **changed}
    if function is kernel_regression_posterior:
        given["x"] = X
    with pytest.raises(error, match=message):
        function(**given)


def test_rejects_other_observations():
    with pytest.raises(ValueError, match=r"\[N, 3\]"):
        kernel_regression_posterior(POSTERIORS["full"], X_TRAIN, 1.0, X[:, :2])
