"""The reductions of log weights against NumPy, and the model's bounds against tfp.vi."""

import itertools

import numpy as np
import pytest
import scipy.special
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf import objectives, prng
from tests.conftest import small_model

LOG_WEIGHTS = np.random.default_rng(0).normal(scale=30, size=(5, 2, 7)) - 100


def test_elbo_is_the_mean():
    np.testing.assert_allclose(objectives.elbo(tf.constant(LOG_WEIGHTS)), LOG_WEIGHTS.mean(0))


def test_iwae_bound_is_log_mean_exp():
    expected = scipy.special.logsumexp(LOG_WEIGHTS, axis=0) - np.log(5)
    np.testing.assert_allclose(objectives.iwae_bound(tf.constant(LOG_WEIGHTS)), expected)


def test_iwae_bound_survives_extreme_weights():
    bound = objectives.iwae_bound(tf.constant([[-1e4, 900.0], [-2e4, -900.0]]))
    np.testing.assert_allclose(bound, [-1e4 - np.log(2), 900 - np.log(2)], rtol=1e-6)


def test_one_sample_is_the_elbo():
    log_weights = tf.constant(LOG_WEIGHTS[:1])
    np.testing.assert_allclose(
        objectives.iwae_bound(log_weights), objectives.elbo(log_weights), rtol=1e-12
    )


@pytest.mark.parametrize("k", [1, 4])
def test_value_and_gradient_equal_tfp_vi(x, k):
    """ELBO and IWAE of tfp.vi, on the same samples."""
    model = small_model("iwae" if k > 1 else "vae", dtype="float64")
    seed = prng.as_seed(3)
    variables = model.trainable_weights

    with tf.GradientTape() as tape:
        q = model.variational_family(model.posterior_outputs(x))
        log_weights = model.log_importance_weights(x, q, k, seed)
        ours = tf.reduce_sum(objectives.iwae_bound(log_weights))
    our_gradients = tape.gradient(ours, variables)

    observed = tf.cast(x, "float64")

    def target_log_prob(z):
        p = tfp.distributions.Bernoulli(logits=model.decode(z)["logits"])
        prior = tfp.distributions.Normal(tf.zeros([], "float64"), 1.0)
        return tf.reduce_sum(p.log_prob(observed), -1) + tf.reduce_sum(prior.log_prob(z), -1)

    class SameSamples(tfp.distributions.MultivariateNormalDiag):
        def experimental_sample_and_log_prob(self, sample_shape=(), seed=None, **kwargs):
            z = self.sample()
            return z, self.log_prob(z)

        def sample(self, *args, **kwargs):
            z = model.variational_family.sample(self, k, prng.as_seed(3))
            return z[:, tf.newaxis] if k > 1 else z

    with tf.GradientTape() as tape:
        q = SameSamples(*model.encode(x).values())
        theirs = -tf.reduce_sum(
            tfp.vi.monte_carlo_variational_loss(
                target_log_prob,
                q,
                sample_size=1,
                importance_sample_size=k,
                discrepancy_fn=tfp.vi.kl_reverse,
                seed=1,
            )
        )
    their_gradients = tape.gradient(theirs, variables)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    for our, their in zip(our_gradients, their_gradients, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-6, atol=1e-9)


def test_expected_bound_does_not_decrease_with_k(x):
    """E[L_k] is non-decreasing in k (Burda et al. 2015, Theorem 1), to 3 paired s.e."""
    model = small_model("vae")
    log_weights = model.log_weights(x, 4096, seed=0)
    bounds = []
    for k in (1, 2, 4, 8, 16, 32, 64):
        groups = tf.reshape(log_weights, [k, -1, len(x)])
        bounds.append(tf.reduce_mean(objectives.iwae_bound(groups), axis=0).numpy())
    for smaller, larger in itertools.pairwise(bounds):
        difference = larger - smaller
        assert difference.mean() > -3 * difference.std() / np.sqrt(len(difference))
    assert np.mean(bounds[-1] - bounds[0]) > 0
