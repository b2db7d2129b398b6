"""Families and likelihoods against closed forms, SciPy and Monte Carlo."""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf import distributions, prng

SEED = prng.as_seed(0)
FAMILIES = list(distributions.VARIATIONAL_FAMILIES)
LIKELIHOODS = list(distributions.LIKELIHOODS)


def named(name):
    known = {**distributions.VARIATIONAL_FAMILIES, **distributions.LIKELIHOODS}
    return distributions.get(name, known)


def outputs_of(family, event_size=3, batch=4):
    shape = (batch, family.num_outputs(event_size))
    return tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)


def multivariate_normals(q):
    for loc, covariance in zip(q.mean().numpy(), q.covariance().numpy(), strict=True):
        yield scipy.stats.multivariate_normal(loc, covariance)


@pytest.mark.parametrize("name", FAMILIES)
def test_family_log_prob_is_the_gaussian_one(name):
    family = named(name)
    q = family(outputs_of(family))
    z = family.sample(q, 6, SEED)
    assert z.shape == (6, 4, 3)
    expected = [p.logpdf(z.numpy()[:, i]) for i, p in enumerate(multivariate_normals(q))]
    np.testing.assert_allclose(q.log_prob(z), np.transpose(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_family_samples_have_its_moments(name):
    family = named(name)
    q = family(outputs_of(family))
    z = family.sample(q, 20_000, SEED).numpy()
    scale = np.sqrt(np.diagonal(q.covariance(), axis1=1, axis2=2))
    assert np.all(np.abs(z.mean(axis=0) - q.mean()) < 5 * scale / np.sqrt(len(z)))
    for i in range(4):
        np.testing.assert_allclose(
            np.cov(z[:, i].T), q.covariance()[i], atol=0.06 * scale[i].max() ** 2
        )


@pytest.mark.parametrize("name", FAMILIES)
def test_widened_is_the_gaussian_of_a_larger_scale(name):
    family = named(name)
    q = family(outputs_of(family))
    wider = family.widened(q, 1.5)
    z = family.sample(wider, 6, SEED)
    shift = family.sample(q, 6, SEED) - q.mean()  # of the same noise
    np.testing.assert_allclose(z - q.mean(), 1.5 * shift, rtol=1e-4, atol=1e-5)
    parameters = zip(q.mean().numpy(), q.covariance().numpy(), strict=True)
    expected = [
        scipy.stats.multivariate_normal(loc, 1.5**2 * covariance).logpdf(z.numpy()[:, i])
        for i, (loc, covariance) in enumerate(parameters)
    ]
    np.testing.assert_allclose(wider.log_prob(z), np.transpose(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_family_kl_to_the_prior_is_closed_form(name):
    family = named(name)
    q = family(outputs_of(family))
    prior = tfp.distributions.MultivariateNormalDiag(tf.zeros(3), tf.ones(3))
    loc, covariance = q.mean().numpy(), q.covariance().numpy()
    trace = np.trace(covariance, axis1=1, axis2=2)
    expected = 0.5 * (trace + (loc**2).sum(1) - 3 - np.linalg.slogdet(covariance)[1])
    np.testing.assert_allclose(tfp.distributions.kl_divergence(q, prior), expected, rtol=1e-4)


def test_full_covariance_is_full():
    family = named("full_covariance_gaussian")
    off_diagonal = family(outputs_of(family)).covariance().numpy()[:, 0, 1]
    assert np.all(np.abs(off_diagonal) > 1e-3)


@pytest.mark.parametrize("event_size", range(1, 8))
def test_full_covariance_recovers_its_event_size(event_size):
    family = named("full_covariance_gaussian")
    assert family(outputs_of(family, event_size)).event_shape == (event_size,)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_likelihood_is_a_tfp_distribution_over_pixels(name):
    likelihood = named(name)
    p = likelihood(outputs_of(likelihood, event_size=5))
    assert isinstance(p, tfp.distributions.Distribution)
    assert p.event_shape == (5,)
    assert p.batch_shape == (4,)
    assert p.sample(2, seed=SEED).shape == (2, 4, 5)
    assert p.mean().shape == (4, 5)


def test_bernoulli_log_prob_is_exact_for_any_logit():
    logits = np.array([[-200.0, -30.0, -3.0, 0.0, 2.0, 40.0, 300.0]])
    x = np.array([[0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0]])
    p = distributions.FactorizedBernoulli(tf.constant(logits))
    expected = np.where(x == 1, scipy.special.log_expit(logits), scipy.special.log_expit(-logits))
    np.testing.assert_allclose(p.log_prob(x), expected.sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize("shape", [(4, 6), (3, 4, 6), (5, 1, 4, 6), (5, 3, 4, 6)])
def test_bernoulli_equals_tfp_with_its_gradient(shape):
    logits = tf.constant(np.random.default_rng(0).normal(size=shape) * 4, tf.float32)
    x = tf.constant(np.random.default_rng(1).integers(0, 2, (4, 6)), tf.float32)
    values, gradients = [], []
    for make in (
        distributions.FactorizedBernoulli,
        lambda logits: tfp.distributions.Independent(tfp.distributions.Bernoulli(logits), 1),
    ):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            values.append(make(logits).log_prob(x))
        gradients.append(tape.gradient(values[-1], logits))
    np.testing.assert_allclose(*values, rtol=1e-5)
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-6)


def test_bernoulli_behaves_as_a_tfp_distribution():
    p = distributions.FactorizedBernoulli(tf.zeros([2, 3]))
    q = distributions.FactorizedBernoulli(tf.ones([2, 3]))
    copied = p.copy(logits=tf.ones([2, 3]))
    assert isinstance(copied, distributions.FactorizedBernoulli)
    x = tf.constant([[0.0, 1.0, 1.0]])
    np.testing.assert_allclose(copied.log_prob(x), q.log_prob(x))
    assert p[0].batch_shape == ()
    np.testing.assert_allclose(p.entropy(), 3 * np.log(2) * np.ones(2), rtol=1e-6)
    expected = 3 * np.log(0.5) - 1.5 * np.log(scipy.special.expit([1.0, -1.0])).sum()
    np.testing.assert_allclose(tfp.distributions.kl_divergence(p, q), [expected] * 2, rtol=1e-5)


def test_gaussian_likelihood_log_prob():
    likelihood = named("gaussian")
    p = likelihood(outputs_of(likelihood))
    x = np.random.default_rng(1).random((4, 3))
    expected = scipy.stats.norm(p.mean(), p.stddev()).logpdf(x).sum(axis=1)
    np.testing.assert_allclose(p.log_prob(x.astype("float32")), expected, rtol=1e-5)


@pytest.mark.parametrize("name", FAMILIES + LIKELIHOODS)
def test_config_round_trip(name):
    family = named(name)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(family))
    assert type(copy) is type(family)
    assert copy.get_config() == family.get_config()
    assert distributions.get(family, {}) is family


def test_unknown_name():
    with pytest.raises(ValueError, match="did you mean 'bernoulli'"):
        distributions.get("bernouli", distributions.LIKELIHOODS)
