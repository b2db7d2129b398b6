"""One harness over every named model and option: what must hold for all of them."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import air_tf
from air_tf import prng
from tests.conftest import LATENT_DIM, SMALL, small_model, strengths

OPTIONS = {
    "plain": {},
    "monte_carlo": {"num_monte_carlo_samples": 3},
    "mixture": {"denoising_form": "mixture", "denoising_weight": 0.5},
    "full_covariance": {"variational_family": "full_covariance_gaussian"},
    "sigmoid_cap": {"cap": "sigmoid"},
    "analytic_kl": {"analytic_kl": True},
    "resampled": {"gradient_estimator": "resampled"},
    "stl": {"gradient_estimator": "stl"},
    "dreg": {"gradient_estimator": "dreg", "num_monte_carlo_samples": 2},
    "large_encoder": {"encoder_units": (8, 9, 10)},
    "linear": {"encoder_units": (), "decoder_units": ()},
    "float64": {"dtype": "float64"},
    "mixed_bfloat16": {"dtype": "mixed_bfloat16"},
    "mixed_float16": {"dtype": "mixed_float16"},
    "masking": {"noise_kind": "masking"},
    "conv": {"input_dim": None, "input_shape": (3, 4, 1), "architecture": "conv"},
    **{name: {"likelihood": name} for name in air_tf.distributions.LIKELIHOODS},
}


def applies(name, option):
    if option in ("mixture", "masking"):
        return name.startswith("d")
    if option == "conv" or option in air_tf.distributions.LIKELIHOODS:
        return name in ("vae", "dwni_iwae")  # what they change does not depend on the model
    if option == "sigmoid_cap":
        return "wni" in name
    if option == "analytic_kl":
        return "iwae" not in name
    return True


CASES = [
    (name, option)
    for name, option in itertools.product(air_tf.list_models(), OPTIONS)
    if applies(name, option)
]
each_case = pytest.mark.parametrize(("name", "option"), CASES)


def make(name, option):
    return small_model(name, **OPTIONS[option])


def fitting(x, option):
    """Observations that the option's model takes: reals, counts with a total, or images."""
    if option == "gaussian":
        return x.astype("float32")
    if option == "multinomial":
        return x + (x.sum(axis=1, keepdims=True) == 0).astype("uint8")
    return x.reshape(-1, 3, 4, 1) if option == "conv" else x


@each_case
def test_every_weight_gets_a_gradient(name, option, x):
    model, x = make(name, option), fitting(x, option)
    with tf.GradientTape() as tape:
        bound, _ = air_tf.objectives.training_bound(model, x, prng.as_seed(0))
        loss = -tf.reduce_mean(bound)
    gradients = tape.gradient(loss, model.trainable_weights)
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.all(np.isfinite(gradient)), weight.path
        # A cap's u is idle where the column lies below the cap.
        assert np.any(gradient != 0) or weight.name == "u", weight.path


@each_case
def test_shapes_and_dtypes(name, option, x):
    model, x = make(name, option), fitting(x, option)
    log_weights = model.log_weights(x, 5, seed=0)
    assert log_weights.shape == (5, len(x))
    assert log_weights.dtype == ("float64" if option == "float64" else "float32")
    assert np.all(np.isfinite(log_weights))
    assert model.encode(x)["loc"].shape == (len(x), LATENT_DIM)
    for value in model.decode(np.zeros((2, 3, LATENT_DIM), "float32")).values():
        assert value.shape == (2, 3, *x.shape[1:])
    assert model.sample(6, seed=0).shape == (6, *x.shape[1:])
    assert model.reconstruct(x, seed=0).shape == x.shape
    assert model(x).shape == x.shape


@each_case
def test_config_and_weights_round_trip(name, option, x, tmp_path):
    model, x = make(name, option), fitting(x, option)
    copy = type(model).from_config(model.get_config())
    assert copy.get_config() == model.get_config()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    # As JSON, to which a shape (8,) and [8] are the same.
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    np.testing.assert_array_equal(loaded.log_weights(x, 3, seed=1), model.log_weights(x, 3, seed=1))


@pytest.mark.parametrize("name", air_tf.list_models())
def test_same_seed_same_model(name, x):
    for a, b in zip(make(name, "plain").weights, make(name, "plain").weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("name", air_tf.list_models())
def test_fit_evaluate_predict(name, x):
    """Real training, with a short last batch; the bound rises; caps hold."""
    model = make(name, "plain")
    # Compiling takes its time: one model with every part goes through XLA here.
    model.compile(keras.optimizers.Adam(0.02), jit_compile=name == "dwni_iwae")
    before = model.evaluate(x, verbose=0, return_dict=True)
    assert sorted(before) == ["elbo", "iwae", "loss"]
    history = model.fit(x, batch_size=12, epochs=15, validation_data=(x,), verbose=0).history
    assert sorted(history) == ["elbo", "loss", "val_elbo", "val_iwae", "val_loss"]
    after = model.evaluate(x, verbose=0, return_dict=True)
    assert after["iwae"] > before["iwae"] + 0.3
    assert after["loss"] < before["loss"]
    assert model.predict(x, verbose=0).shape == x.shape
    max_norm = strengths(name).get("max_norm")
    if max_norm:
        for layer in model.encoder.layers:
            if hasattr(layer, "max_norm"):
                assert np.all(np.linalg.norm(layer.kernel, axis=0) <= max_norm)


def test_every_public_class_is_in_a_harness():
    """Fails when a layer, family, likelihood or model has no test entry of its own."""
    of_fitting = {"SuperbatchModel", "FunctionalSuperbatchModel"}  # tests/fitting
    tested = {
        **dict.fromkeys(air_tf.layers.__all__, "tests/layers"),
        **{c.__name__: "distributions" for c in air_tf.distributions.VARIATIONAL_FAMILIES.values()},
        **{c.__name__: "distributions" for c in air_tf.distributions.LIKELIHOODS.values()},
        "VariationalAutoencoder": "this file",
    }
    registered = {
        name.removeprefix("air_tf>")
        for name in keras.saving.get_custom_objects()
        if name.startswith("air_tf>")
    }
    assert registered == of_fitting | set(tested)
    covered = {name for name, _ in CASES}
    assert covered == set(air_tf.list_models())
    used = {
        type(part).__name__
        for name, option in CASES
        if name in ("vae", "dwni_iwae")
        for model in [make(name, option)]
        for part in (model, model.variational_family, model.likelihood, *model.encoder.layers)
    }
    assert registered - of_fitting <= used


@pytest.mark.parametrize("name", air_tf.list_models())
def test_create_model_builds_the_row(name):
    """METHOD's table: k, noise, α and cap of each named model."""
    model = small_model(name)
    layers = model.encoder.layers
    noise = [layer for layer in layers if isinstance(layer, air_tf.layers.NoiseInjection)]
    capped = [layer for layer in layers if isinstance(layer, air_tf.layers.NormCappedDense)]
    assert model.num_importance_samples == (4 if "iwae" in name else 1)
    assert bool(noise) == name.startswith("d")
    if noise:
        assert noise[0] is layers[0]
        assert noise[0].probability == (0.5 if name.endswith("half") else 1.0)
    assert len(capped) == (2 if "wni" in name else 0)
    assert all(type(layer) is keras.layers.Dense for layer in model.decoder.layers)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("dvea", {}, "did you mean 'dvae'"),
        ("vae", {"noise_stddev": 0.1}, "has no `noise_stddev`"),
        ("vae", {"max_norm": 1.0}, "has no `max_norm`"),
        ("vae", {"num_importance_samples": 8}, "has no `num_importance_samples`"),
        ("vae", {"denoising_weight": 0.5}, "has no `denoising_weight`"),
        ("wni_vae", {"denoising_form": "mixture"}, "has no `denoising_form`"),
        ("dvae", {"cap": "sigmoid"}, "has no `cap`"),
        ("wni_vae", {"cap": "sigmoids"}, "did you mean 'sigmoid'"),
        ("dvae", {"noise_stddev": -1.0}, "`stddev`|`noise_stddev`"),
        ("dvae", {"denoising_weight": 1.5}, "`denoising_weight` must be"),
        ("dvae", {"denoising_form": "coins"}, "did you mean 'coin'"),
        ("wni_vae", {"max_norm": 0.0}, "`max_norm` must be"),
        ("iwae", {"num_importance_samples": 0}, "`num_importance_samples` must be"),
        ("iwae", {"num_importance_samples": 2.0}, "`num_importance_samples` must be"),
        ("vae", {"num_monte_carlo_samples": 0}, "`num_monte_carlo_samples` must be"),
        ("iwae", {"analytic_kl": True}, "`analytic_kl` needs"),
        ("vae", {"input_dim": 0}, "`input_dim` must be"),
        ("vae", {"latent_dim": 0}, "`latent_dim` must be"),
        ("vae", {"encoder_units": (0,)}, "`units` must be"),
        ("vae", {"likelihood": "bernouli"}, "did you mean 'bernoulli'"),
    ],
)
def test_rejects(name, options, message):
    with pytest.raises(ValueError, match=message):
        air_tf.create_model(name, **{**SMALL, **strengths(name), **options})
