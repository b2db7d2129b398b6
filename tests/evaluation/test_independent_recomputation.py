"""log p(x) of a trained model, recomputed in NumPy from `encode` and `decode` alone."""

import keras
import numpy as np
import pytest
import scipy.special

import air_tf
from tests.conftest import small_model


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dvae", "wni_iwae"])
def test_numpy_importance_sampler_agrees(name, x):
    model = small_model(name)
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(x, batch_size=16, epochs=20, verbose=0)
    k, rng = 4000, np.random.default_rng(0)
    q = {key: value.numpy().astype("float64") for key, value in model.encode(x).items()}
    noise = rng.standard_normal((k, *q["loc"].shape))
    z = q["loc"] + q["scale"] * noise
    logits = model.decode(z.astype("float32"))["logits"].numpy().astype("float64")
    log_likelihood = (
        x * scipy.special.log_expit(logits) + (1 - x) * scipy.special.log_expit(-logits)
    ).sum(-1)
    log_weights = (
        log_likelihood
        - 0.5 * (z**2).sum(-1)
        + 0.5 * (noise**2).sum(-1)
        + np.log(q["scale"]).sum(-1)
    )
    expected = scipy.special.logsumexp(log_weights, axis=0) - np.log(k)
    weights = np.exp(log_weights - log_weights.max(0))
    relative_error = weights.std(0) / weights.mean(0) / np.sqrt(k)
    estimate = air_tf.evaluation.importance_log_likelihood(model, x, k, progress=False)
    assert np.all(np.abs(estimate.per_example - expected) < 5 * np.sqrt(2) * relative_error)
