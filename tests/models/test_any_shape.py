"""Observations [N, *S] of any shape S: shapes are kept, and densities are those of flat data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import air_tf
from tests.conftest import small_model

SHAPES = [(12,), (3, 4), (2, 3, 2), (2, 2, 3, 1)]


def binary(shape, n=6):
    return (np.random.default_rng(0).random((n, *shape)) < 0.4).astype("uint8")


def shaped_model(shape, flat):
    """The networks of a flat model, behind and before a change of shape."""
    encoder = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), flat.encoder])
    reshape = keras.layers.Reshape(shape)
    decoder = keras.Sequential([keras.Input((flat.latent_dim,)), flat.decoder, reshape])
    return air_tf.VariationalAutoencoder(encoder, decoder, num_importance_samples=3, seed=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_as_flat_data(shape, tmp_path):
    flat = small_model("iwae", num_importance_samples=3)
    model, x = shaped_model(shape, flat), binary(shape)
    rows = x.reshape(len(x), -1)
    expected = flat.log_weights(rows, 5, seed=1)
    np.testing.assert_allclose(model.log_weights(x, 5, seed=1), expected, rtol=1e-6)
    assert model.observation_shape == shape
    z = np.zeros((4, 5, 3), "float32")
    assert model.decode(z)["logits"].shape == (4, 5, *shape)
    for values in (model.reconstruct(x), model.predict(x, verbose=0), model.sample(6), model(x)):
        assert values.shape == x.shape
    options = {"num_samples": 60, "progress": False}
    evaluation = air_tf.evaluation
    for evaluate in (evaluation.importance_log_likelihood, evaluation.iw_svi):
        steps = {"max_steps": 3} if evaluate is evaluation.iw_svi else {}
        ours, theirs = (
            evaluate(model, x, **options, **steps),
            evaluate(flat, rows, **options, **steps),
        )
        np.testing.assert_allclose(ours.per_example, theirs.per_example, rtol=1e-5)
    air_tf.export_saved_model(model, tmp_path / "exported")
    saved = tf.saved_model.load(tmp_path / "exported")
    bound = saved.log_likelihood(x.astype("float32"), tf.constant(60), tf.constant(0))
    expected = evaluation.importance_log_likelihood(model, x, **options).per_example
    np.testing.assert_allclose(bound, expected, rtol=1e-5)
    assert saved.sample(tf.constant(2), tf.constant(0)).shape == (2, *shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_fits_validates_and_loads(shape, tmp_path):
    model, x = shaped_model(shape, small_model()), binary(shape)
    model.compile("adam", jit_compile=False)
    history = model.fit(x, validation_data=(x,), epochs=2, verbose=0).history
    assert np.all(np.isfinite(history["val_iwae"]))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.log_weights(x, 2, seed=0), model.log_weights(x, 2, seed=0))


@pytest.mark.parametrize("shape", [(8, 8, 1), (7, 5, 3)])
@pytest.mark.parametrize("name", ["vae", "dwni_iwae"])
@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_named_models_of_images(shape, name, architecture):
    """Odd sizes, too; the regularizers are in the encoder and nowhere else."""
    model = air_tf.create_model(
        name,
        input_shape=shape,
        architecture=architecture,
        latent_dim=3,
        encoder_units=(8,),
        decoder_units=(8,),
        seed=0,
    )
    x = binary(shape)
    model.initialize_output_bias(x)
    model.compile("adam", jit_compile=False)
    assert np.isfinite(model.fit(x, verbose=0).history["loss"][0])
    kinds = [type(layer).__name__ for layer in model.encoder.layers]
    capped = [kind for kind in kinds if kind.startswith("NormCapped")]
    assert len(capped) == ((4 if architecture == "conv" else 2) if "wni" in name else 0)
    assert ("NoiseInjection" in kinds) == name.startswith("d")
    assert not any(
        type(layer).__module__.startswith("air_tf.layers") for layer in model.decoder.layers
    )


def test_the_output_bias_starts_at_the_mean_of_pixels_or_channels():
    x = binary((4, 4, 2), n=40)
    pixels = air_tf.create_model("vae", input_shape=(4, 4, 2), seed=0)
    channels = air_tf.create_model("vae", input_shape=(4, 4, 2), architecture="conv", seed=0)
    for model, axes in ((pixels, 0), (channels, (0, 1, 2))):
        model.initialize_output_bias(x)
        zeros = [np.zeros_like(w) if w.ndim > 1 else w for w in model.decoder.get_weights()]
        model.decoder.set_weights(zeros)
        count = x.size // x.mean(axis=axes).size
        expected = (x.sum(axis=axes) + 1) / (count + 2)
        mean = model.sample(1, seed=0)[0]
        np.testing.assert_allclose(mean, np.broadcast_to(expected, mean.shape), rtol=1e-4)


def test_convolutions_are_left_to_tensorflow_on_a_cpu():
    """There, XLA takes several times as long."""
    for architecture in ("mlp", "conv"):
        model = air_tf.create_model("vae", input_shape=(8, 8, 1), architecture=architecture)
        model.compile("adam")
        on_gpu = bool(tf.config.list_physical_devices("GPU"))
        assert model.jit_compile == (architecture == "mlp" or on_gpu)


def recurrent(shape):
    return [keras.layers.GRU(5)]


class Attention(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.attention = keras.layers.MultiHeadAttention(2, 3)

    def call(self, x):
        return self.attention(x, x)


def attention(shape):
    return [Attention(), keras.layers.Flatten()]


@pytest.mark.parametrize("layers", [recurrent, attention])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_other_encoders(layers, jit_compile):
    """For sequences [N, T, C]."""
    shape = (4, 3)
    encoder = keras.Sequential([keras.Input(shape), *layers(shape), keras.layers.Dense(4)])
    decoder = [keras.Input((2,)), keras.layers.Dense(12), keras.layers.Reshape(shape)]
    model = air_tf.VariationalAutoencoder(
        encoder, keras.Sequential(decoder), num_importance_samples=2, seed=0
    )
    model.compile("adam", jit_compile=jit_compile)
    x = binary(shape)
    history = model.fit(x, epochs=2, validation_data=(x,), verbose=0).history
    assert np.all(np.isfinite(history["loss"] + history["val_loss"]))
    assert model.encode(x)["loc"].shape == (6, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[..., 0], r"\[N, 3, 4\] .* Received: x.shape=\(6, 3\)"),
        (lambda x: x[:, :2], r"Received: x.shape=\(6, 2, 4\)"),
        (lambda x: x.reshape(6, 12), r"Received: x.shape=\(6, 12\)"),
        (lambda x: x + 1, r"Received: x\[\d, \d, \d\]=2"),
    ],
)
def test_shapes_and_values_that_do_not_fit(change, message):
    model = shaped_model((3, 4), small_model())
    model.compile("adam", jit_compile=False)
    x = change(binary((3, 4)))
    for method in (model.fit, model.evaluate, model.predict, model.encode, model.reconstruct):
        with pytest.raises(ValueError, match=message):
            method(x)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Give `input_dim`"),
        ({"input_dim": 3, "input_shape": (3,)}, "Give `input_dim`"),
        ({"input_shape": (8, 8), "architecture": "conv"}, r"Received: input_shape=\(8, 8\)"),
        ({"input_shape": (8, 0)}, "`input_shape` must be an integer of at least 1"),
        ({"input_shape": ()}, r"Received: input_shape=\(\)"),
        ({"input_dim": 3, "architecture": "cnn"}, "`architecture` must be one of"),
    ],
)
def test_shapes_that_no_model_has(options, message):
    with pytest.raises(ValueError, match=message):
        air_tf.create_model("vae", **options)


def subclassed(last):
    class Decoder(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(12)

        def call(self, z):
            return last(self.dense(z))

    decoder = Decoder()
    decoder(np.zeros((1, 3), "float32"))
    return decoder


def ends_in(last):
    shape = [keras.layers.Reshape((3, 4)), keras.layers.Flatten()]
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(12), last, *shape])


@pytest.mark.parametrize(
    "decoder",
    [
        lambda: ends_in(keras.layers.Dense(12, activation="sigmoid")),
        lambda: ends_in(keras.layers.Dense(12, activation="tanh")),
        lambda: ends_in(keras.layers.Activation("softmax")),
        lambda: ends_in(keras.layers.ReLU()),
        lambda: keras.Sequential([keras.Input((3,)), ends_in(keras.layers.Activation("relu"))]),
        lambda: subclassed(keras.ops.sigmoid),
    ],
)
def test_an_activation_at_the_end_of_the_decoder_is_named(decoder):
    encoder = keras.Sequential([keras.Input((12,)), keras.layers.Dense(6)])
    with pytest.warns(UserWarning, match="raw outputs, without an activation.*Received: decoder="):
        air_tf.VariationalAutoencoder(encoder, decoder())


@pytest.mark.parametrize(
    "decoder", [lambda: ends_in(keras.layers.Dense(12)), lambda: subclassed(keras.ops.negative)]
)
def test_raw_outputs_pass(decoder):
    encoder = keras.Sequential([keras.Input((12,)), keras.layers.Dense(6)])
    air_tf.VariationalAutoencoder(encoder, decoder())
