"""log p(x) of a trained model, recomputed in NumPy and SciPy from `encode` and `decode` alone."""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats

import air_tf
from tests.conftest import small_model

# log p(x|z) of each number, or of the whole, from the parameters of the likelihood.
LOG_LIKELIHOODS = {
    "bernoulli": lambda x, logits: scipy.stats.bernoulli.logpmf(x, scipy.special.expit(logits)),
    "gaussian": lambda x, loc, scale: scipy.stats.norm.logpdf(x, loc, scale),
    "discretized_logistic": lambda x, loc, scale: np.log(
        np.where(x == 255, 1.0, scipy.special.expit((x + 0.5 - loc) / scale))
        - np.where(x == 0, 0.0, scipy.special.expit((x - 0.5 - loc) / scale))
    ),
    "poisson": lambda x, log_rate: scipy.stats.poisson.logpmf(x, np.exp(log_rate)),
    "negative_binomial": lambda x, total_count, logits: scipy.stats.nbinom.logpmf(
        x, total_count, scipy.special.expit(-logits)
    ),
    "multinomial": lambda x, logits: scipy.stats.multinomial.logpmf(
        x, x.sum(-1), scipy.special.softmax(logits, -1)
    )[..., np.newaxis],
}


def observations(likelihood, binary):
    """Data `[32, 12]` that the likelihood takes."""
    if likelihood == "bernoulli":
        return binary
    rng = np.random.default_rng(1)
    if likelihood == "gaussian":
        return rng.normal(size=binary.shape).astype("float32")
    if likelihood == "discretized_logistic":
        return np.clip(rng.normal(128, 60, binary.shape), 0, 255).astype("uint8")
    return rng.poisson(2.0, binary.shape)


def test_every_likelihood_is_recomputed():
    assert set(LOG_LIKELIHOODS) == set(air_tf.distributions.LIKELIHOODS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "likelihood"),
    [("wni_iwae", "bernoulli"), *(("dvae", likelihood) for likelihood in LOG_LIKELIHOODS)],
)
def test_numpy_importance_sampler_agrees(name, likelihood, x):
    x = observations(likelihood, x)
    model = small_model(name, likelihood=likelihood)
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    model.fit(x, batch_size=16, epochs=20, verbose=0)
    k, rng = 4000, np.random.default_rng(0)
    q = {key: value.numpy().astype("float64") for key, value in model.encode(x).items()}
    noise = rng.standard_normal((k, *q["loc"].shape))
    z = q["loc"] + q["scale"] * noise
    parameters = model.decode(z.astype("float32"))
    parameters = {key: value.numpy().astype("float64") for key, value in parameters.items()}
    log_likelihood = LOG_LIKELIHOODS[likelihood](x.astype("float64"), **parameters).sum(-1)
    log_weights = (
        log_likelihood
        - 0.5 * (z**2).sum(-1)
        + 0.5 * (noise**2).sum(-1)
        + np.log(q["scale"]).sum(-1)
    )
    posterior = model.variational_family(model.posterior_outputs(x))
    at_same_latents = model.log_weights_at(x, posterior, z.astype("float32"))
    np.testing.assert_allclose(at_same_latents, log_weights, rtol=1e-4, atol=1e-3)
    expected = scipy.special.logsumexp(log_weights, axis=0) - np.log(k)
    weights = np.exp(log_weights - log_weights.max(0))
    relative_error = weights.std(0) / weights.mean(0) / np.sqrt(k)
    estimate = air_tf.evaluation.importance_log_likelihood(model, x, k, progress=False)
    error = np.abs(estimate.per_example - expected) / (np.sqrt(2) * relative_error)
    assert np.median(error) < 2  # of single images the tails are too heavy for a bound
    assert np.all(error < (5 if likelihood == "bernoulli" else 10))
