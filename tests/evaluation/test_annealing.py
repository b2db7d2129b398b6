"""AIS and BDMC on the model with closed forms, and what holds for any model."""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

import air_tf
from air_tf import prng
from air_tf.evaluation import annealing, hamiltonian
from tests.linear_gaussian import BIAS, COVARIANCE, LOG_P, WEIGHTS, S, X, linear_model
from tests.models.test_harness import fitting, make

QUIET = {"progress": False}
OPTIONS = {"num_leapfrog_steps": 3, "from_prior": True}


def repeated(count, row=0):
    """The same observation many times: each row has chains of its own."""
    return np.repeat(X[row : row + 1], count, axis=0)


def exact_posterior(x, count):
    """Samples of p(z|x) `[count, N, 2]`."""
    means = (x - BIAS) @ (COVARIANCE @ WEIGHTS.T / S**2).T
    noise = np.random.default_rng(0).multivariate_normal([0, 0], COVARIANCE, (count, len(x)))
    return (means + noise).astype("float32")


def assert_one(weights):
    """The mean of unbiased weights, each divided by what it estimates, is 1 to 3 s.e."""
    error = weights.std(ddof=1) / np.sqrt(weights.size)
    assert error < 0.1
    assert abs(weights.mean() - 1) < 3 * error, (weights.mean(), error)


@pytest.mark.parametrize("start", ["prior", "encoder"])
def test_the_weights_are_unbiased(start):
    """Few temperatures and a bad encoder: log p(x) is too low, but not p(x)."""
    model = linear_model(loc_shift=0.4, scale_factor=0.8)
    estimate = air_tf.evaluation.ais(model, repeated(200), 12, num_chains=4, start=start, **QUIET)
    values = estimate.per_example.astype(float)
    assert_one(np.exp(values - LOG_P[0]))
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert values.mean() < LOG_P[0] + 3 * error
    assert (estimate.effective_sample_size > 1 - 1e-4).all()
    assert (estimate.effective_sample_size < 4 + 1e-4).all()


@pytest.mark.parametrize("family", air_tf.distributions.VARIATIONAL_FAMILIES)
@pytest.mark.parametrize("start", ["prior", "encoder"])
def test_many_temperatures_give_log_p(family, start):
    model = linear_model(family, loc_shift=0.3, scale_factor=0.8)
    few, many = (
        air_tf.evaluation.ais(model, X, count, num_chains=8, start=start, **QUIET)
        for count in (5, 400)
    )
    np.testing.assert_allclose(many.per_example, LOG_P, atol=0.6)
    deviation = many.per_example - LOG_P
    assert abs(deviation.mean()) < 4 * deviation.std() / np.sqrt(len(X)) + 0.01
    assert np.std(few.per_example - LOG_P) > np.std(deviation)
    assert 0.5 < many.acceptance.mean() < 0.95  # the pilot aimed at 0.7
    assert many.effective_sample_size.mean() > 7


def test_a_constant_in_the_likelihood_shifts_the_estimate_alone():
    """A chain that compared with a density of another temperature would accept nothing."""

    @keras.saving.register_keras_serializable(package="test_annealing")
    class Shifted(air_tf.distributions.GaussianLikelihood):
        def distribution(self, **parameters):
            found = super().distribution(**parameters)
            log_prob = found.log_prob
            found.log_prob = lambda x: log_prob(x) + 64.0
            return found

    plain = linear_model(loc_shift=0.3)
    shifted = air_tf.VariationalAutoencoder(
        plain.encoder,
        plain.decoder,
        variational_family="full_covariance_gaussian",
        likelihood=Shifted(),
        seed=0,
    )
    values, moved = (
        air_tf.evaluation.ais(m, X, 50, num_chains=2, **QUIET) for m in (plain, shifted)
    )
    # Rounding alone decides a few proposals otherwise.
    np.testing.assert_allclose(moved.per_example - 64, values.per_example, atol=0.1)
    np.testing.assert_allclose(moved.acceptance, values.acceptance, atol=0.02)


def test_the_transition_leaves_the_density_invariant():
    """From exact samples of f_1, transitions with a bad step size and mass stay there."""
    model, x = linear_model(), repeated(1)
    z = tf.constant(exact_posterior(x, 4000))
    start = model.prior

    def at(z):
        return hamiltonian.point(model, x, start, z)

    there, mass = at(z), tf.constant([[0.1, 0.4]])
    for seed in range(5):
        there, probability = hamiltonian.transition(
            at, there, 1.0, tf.constant([0.9]), mass, 4, prng.as_seed(seed)
        )
    assert 0.2 < float(tf.reduce_mean(probability)) < 0.95
    exact = np.asarray(exact_posterior(x, 4000)[:, 0])
    for axis in range(2):
        found = scipy.stats.ks_2samp(there.z.numpy()[:, 0, axis], exact[:, axis])
        assert found.pvalue > 1e-3
    np.testing.assert_allclose(np.cov(there.z.numpy()[:, 0].T), COVARIANCE, rtol=0.15, atol=0.02)


def test_small_steps_are_accepted():
    model, x = linear_model(), X[:3]
    start = model.prior
    z = prng.normal([5, 3, 2], prng.as_seed(0), "float32")

    def at(z):
        return hamiltonian.point(model, x, start, z)

    ones = tf.ones([3, 2])
    *_, probability = hamiltonian.transition(
        at, at(z), 0.5, tf.fill([3], 1e-3), ones, 5, prng.as_seed(1)
    )
    np.testing.assert_allclose(probability, 1, atol=1e-3)
    there, probability = hamiltonian.transition(
        at, at(z), 0.5, tf.fill([3], 1e6), ones, 5, prng.as_seed(1)
    )
    np.testing.assert_array_equal(probability, 0)  # runs away, and stays where it was
    np.testing.assert_array_equal(there.z, z)


def test_the_temperatures_rise_from_0_to_1():
    betas = annealing.temperatures(tf.range(101), 100).numpy()
    assert betas[0] == 0
    assert betas[-1] == 1
    assert (np.diff(betas) > 0).all()
    gamma = scipy.special.expit(4 * (2 * np.arange(101) / 100 - 1))
    expected = (gamma - gamma[0]) / (gamma[-1] - gamma[0])
    np.testing.assert_allclose(betas, expected, atol=1e-6)


def test_backwards_weights_are_unbiased_for_the_inverse():
    """From exact posterior samples, E w′ = 1/p(x)."""
    model, x = linear_model(loc_shift=0.3), repeated(400)
    sizes = tf.fill([annealing.KNOTS, 400], 0.6)
    log_weights, *_ = annealing.anneal(
        model,
        x,
        model.posterior_outputs(tf.constant(x)),
        tf.constant(exact_posterior(x, 3)),
        sizes,
        prng.as_seed(3),
        tf.constant(10),
        tf.constant(False),
        backwards=True,
        **OPTIONS,
    )
    assert_one(np.exp(log_weights.numpy().astype(float) + LOG_P[0]).mean(axis=0))


def test_bdmc_brackets_log_p():
    model = linear_model(loc_shift=0.3, scale_factor=0.7)
    bounds = air_tf.evaluation.bdmc(model, 100, 100, 4, quality="fast", **QUIET)
    gap = bounds.upper - bounds.lower
    assert gap.mean + 2 * gap.standard_error > 0
    assert gap.mean < 0.2
    for name in ("lower", "iw_svi", "importance_log_likelihood"):
        above = bounds.upper - getattr(bounds, name)
        assert above.mean > -2 * above.standard_error
    few = air_tf.evaluation.bdmc(model, 100, 3, 1, quality="fast", **QUIET)
    assert (few.upper - few.lower).mean > gap.mean
    assert set(bounds.summary()) == {"upper", "lower", "iw_svi", "importance_log_likelihood"}


def test_simulated_data_are_of_the_model():
    """Mean and covariance of x are b and WWᵀ + s²I: on them E log p(x) is minus the entropy."""
    model = linear_model()
    bounds = air_tf.evaluation.bdmc(model, 400, 60, 2, quality="fast", **QUIET)
    covariance = WEIGHTS @ WEIGHTS.T + S**2 * np.eye(4)
    entropy = scipy.stats.multivariate_normal(np.full(4, BIAS), covariance).entropy()
    assert abs(bounds.iw_svi.mean + entropy) < 4 * bounds.iw_svi.standard_error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_temperatures": 0}, "num_temperatures=0"),
        ({"num_chains": 0}, "num_chains=0"),
        ({"num_leapfrog_steps": -1}, "num_leapfrog_steps=-1"),
        ({"start": "posterior"}, "start='posterior'"),
    ],
)
def test_bad_options_are_refused(options, message):
    model = linear_model()
    with pytest.raises(ValueError, match=f"Received: {message}"):
        air_tf.evaluation.ais(model, X, **options)
    with pytest.raises(ValueError, match=f"Received: {message}"):
        air_tf.evaluation.bdmc(model, **options)


def test_tfp_accepts_as_often():
    """TFP's HMC kernel with the same step size and unit mass, from the same exact samples."""
    model, x = linear_model(), repeated(1)
    z = tf.constant(exact_posterior(x, 3000))
    start, step_size = model.prior, 0.35

    def at(z):
        return hamiltonian.point(model, x, start, z)

    *_, probability = hamiltonian.transition(
        at, at(z), 1.0, tf.constant([step_size]), tf.ones([1, 2]), 3, prng.as_seed(0)
    )
    share = np.random.default_rng(0).uniform(0.5, 1.0, (3000, 1, 1)).astype("float32")
    kernel = tfp.mcmc.HamiltonianMonteCarlo(
        lambda z: at(z).log_density(1.0), step_size * share, num_leapfrog_steps=3
    )
    _, results = kernel.one_step(z, kernel.bootstrap_results(z), seed=[0, 1])
    theirs = np.exp(np.minimum(results.log_accept_ratio.numpy(), 0))
    ours = probability.numpy()
    error = np.hypot(ours.std(), theirs.std()) / np.sqrt(ours.size)
    assert abs(ours.mean() - theirs.mean()) < 4 * error


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
@pytest.mark.parametrize(
    "option",
    ["full_covariance", "float64", "mixed_float16", "conv", *air_tf.distributions.LIKELIHOODS],
)
def test_any_family_likelihood_and_dtype(option, x):
    """Both starts agree with many samples of the prior, which suffice for three latents."""
    model, x = make("vae", option), fitting(x, option)[:6]
    z = np.random.default_rng(0).standard_normal((100_000, 1, 3)).astype(model.density_dtype)
    log_likelihood = model.log_weights_at(x, model.prior, z).numpy().astype(float)
    expected = scipy.special.logsumexp(log_likelihood, axis=0) - np.log(len(z))
    for start in ("prior", "encoder"):
        found = air_tf.evaluation.ais(model, x, 400, num_chains=10, start=start, **QUIET)
        assert found.per_example.dtype == ("float64" if option == "float64" else "float32")
        np.testing.assert_allclose(found.per_example, expected, atol=0.3)
    bounds = air_tf.evaluation.bdmc(model, 5, 100, 2, quality="fast", **QUIET)
    assert np.isfinite((bounds.upper - bounds.lower).mean)
