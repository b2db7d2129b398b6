"""The gradient estimators against their definitions; their means against the standard one."""

import numpy as np
import pytest
import tensorflow as tf

from air_tf import objectives, prng
from tests.conftest import small_model
from tests.linear_gaussian import X, linear_model

K = 4


def gradients(model, x, seed):
    with tf.GradientTape() as tape:
        bound, elbo = objectives.training_bound(model, x, prng.as_seed(seed))
        loss = tf.reduce_mean(bound)
    return bound, elbo, tape.gradient(loss, model.trainable_weights)


def flat(values):
    return np.concatenate([np.ravel(value) for value in values])


def model_of(estimator, name="iwae", **options):
    return small_model(name, gradient_estimator=estimator, dtype="float64", **options)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["resampled", "dreg"])
@pytest.mark.parametrize("family", ["diagonal_gaussian", "full_covariance_gaussian"])
def test_unbiased(estimator, family, x):
    """The mean gradient of many draws equals the standard one's, to 4.5 s.e. in each weight."""
    means, errors = [], []
    for name in ("standard", estimator):
        model = model_of(name, variational_family=family)
        draw = tf.function(lambda seed, model=model: gradients(model, x[:4], seed)[2])
        draws = np.array([flat(draw(tf.constant(seed))) for seed in range(1500)])
        means.append(draws.mean(0))
        errors.append(draws.std(0) / np.sqrt(len(draws)))
    difference = np.abs(means[0] - means[1])
    assert np.all(difference < 4.5 * np.hypot(*errors) + 1e-12)


@pytest.mark.parametrize(("estimator", "power"), [("stl", 1), ("dreg", 2)])
def test_equals_its_definition(estimator, power, x):
    """Σ_i w̃_i^power ∂log w_i/∂z_i dz_i/dφ for the encoder, Σ_i w̃_i d log w_i/dθ for the decoder."""
    model = model_of(estimator)
    _, _, ours = gradients(model, x, seed=5)
    family = model.variational_family
    with tf.GradientTape(persistent=True) as tape:
        outputs = model.posterior_outputs(x)
        z = family.sample(family(outputs), K, prng.as_seed(5))
        fixed = tf.stop_gradient(z)
        tape.watch(fixed)
        log_weights = model.log_weights_at(x, family(tf.stop_gradient(outputs)), fixed)
        normalized = tf.stop_gradient(tf.nn.softmax(log_weights, axis=0))
        decoder_target = tf.reduce_mean(tf.reduce_sum(normalized * log_weights, axis=0))
    with tf.GradientTape() as inner:
        inner.watch(fixed)
        total = tf.reduce_sum(model.log_weights_at(x, family(outputs), fixed))
    slope = inner.gradient(total, fixed)
    with tape:
        path = tf.reduce_sum(normalized[..., None] ** power * slope * z) / len(x)
    encoder, decoder = model.encoder.trainable_weights, model.decoder.trainable_weights
    expected = tape.gradient(path, encoder) + tape.gradient(decoder_target, decoder)
    np.testing.assert_allclose(flat(ours), flat(expected), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("estimator", ["standard", "resampled", "stl", "dreg"])
def test_value_is_the_bound_of_k_samples(estimator, x):
    """With any gradient, the reported values are L_k and L, to 4 s.e. of many draws."""
    tiled = np.tile(x[:8], [1500, 1])
    bound, elbo, _ = gradients(model_of(estimator), tiled, seed=1)
    reference, reference_elbo, _ = gradients(model_of("standard"), tiled, seed=2)
    for ours, other in ((bound, reference), (elbo, reference_elbo)):
        ours, other = (v.numpy().reshape(1500, 8) for v in (ours, other))
        error = np.hypot(ours.std(0), other.std(0)) / np.sqrt(1500)
        assert np.all(np.abs(ours.mean(0) - other.mean(0)) < 4 * error)


def test_resampled_with_one_sample_is_the_standard_gradient(x):
    """With k = 1 there is no choice: the same noise gives the same gradient."""
    model = model_of("resampled", "vae")
    twin = model_of("standard", "vae")
    noise_seed, _ = prng.split(prng.as_seed(7))
    with tf.GradientTape() as tape:
        bound, _ = objectives.training_bound(twin, x, noise_seed)
        loss = tf.reduce_mean(bound)
    expected = tape.gradient(loss, twin.trainable_weights)
    np.testing.assert_allclose(flat(gradients(model, x, 7)[2]), flat(expected), rtol=1e-8)


def test_stl_has_no_variance_at_the_exact_posterior():
    """Roeder et al.: if q equals the posterior, the encoder's gradient vanishes."""
    model = linear_model()
    model.gradient_estimator = "stl"
    _, _, values = gradients(model, X, seed=0)
    assert np.abs(flat(values[:2])).max() < 1e-3
    model.gradient_estimator = "standard"
    _, _, values = gradients(model, X, seed=0)
    assert np.abs(flat(values[:2])).max() > 1e-2


def test_rejects():
    with pytest.raises(ValueError, match="did you mean 'dreg'"):
        small_model(gradient_estimator="dregs")
    with pytest.raises(ValueError, match="`analytic_kl` needs"):
        small_model(gradient_estimator="stl", analytic_kl=True)
