"""What every layer of the library must do, whatever it is for."""

import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import air_tf
from air_tf.layers import NoiseInjection, NormCappedConv2D, NormCappedDense

CASES = {
    "gaussian": (NoiseInjection, {"stddev": 0.5, "probability": 0.7}, (6,)),
    "masking": (NoiseInjection, {"stddev": 0.5, "kind": "masking"}, (6, 3)),
    "salt_and_pepper": (
        NoiseInjection,
        {"stddev": 0.5, "probability": 0.7, "kind": "salt_and_pepper", "low": -1, "high": 4},
        (4, 5, 2),
    ),
    "dense": (NormCappedDense, {"units": 5, "max_norm": 0.7, "activation": "tanh"}, (6,)),
    "conv2d": (
        NormCappedConv2D,
        {"filters": 4, "kernel_size": (3, 2), "max_norm": 0.7, "activation": "tanh"},
        (7, 6, 2),
    ),
    "conv2d_sigmoid": (
        NormCappedConv2D,
        {"filters": 4, "kernel_size": 3, "max_norm": 0.7, "cap": "sigmoid", "strides": 2}
        | {"padding": "SAME", "groups": 2, "use_bias": False},
        (7, 6, 2),
    ),
}
each_case = pytest.mark.parametrize("case", CASES)


def make(case, **options):
    layer_class, own, shape = CASES[case]
    if layer_class is NoiseInjection:
        options = {"seed": 3, **options}
    layer = layer_class(**own, **options)
    return layer, np.random.default_rng(0).integers(0, 5, (8, *shape)).astype("float32")


def test_every_public_class_is_here():
    public = {getattr(air_tf.layers, name) for name in air_tf.layers.__all__}
    assert {layer_class for layer_class, _, _ in CASES.values()} == public
    found = {c for _, c in inspect.getmembers(air_tf.layers, inspect.isclass)}
    assert found == public


@each_case
def test_config_round_trip(case):
    layer, _ = make(case)
    config = json.loads(json.dumps(layer.get_config()))
    copy = type(layer).from_config(config)
    assert copy.get_config() == layer.get_config()
    assert keras.layers.deserialize(keras.layers.serialize(layer)).get_config() == config | {
        name: value for name, value in layer.get_config().items() if isinstance(value, tuple)
    }


@each_case
def test_every_argument_is_in_the_config(case):
    layer, _ = make(case)
    arguments = set(inspect.signature(type(layer).__init__).parameters) - {"self", "kwargs"}
    assert arguments <= set(layer.get_config())


@each_case
def test_saved_in_a_model(case, tmp_path):
    layer, x = make(case)
    model = keras.Sequential([keras.Input(x.shape[1:]), layer, keras.layers.Flatten()])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
    np.testing.assert_array_equal(loaded(x, training=True), model(x, training=True))


@each_case
def test_shapes_agree(case):
    layer, x = make(case)
    assert layer(keras.Input(x.shape[1:])).shape == (None, *layer(x).shape[1:])
    assert layer.compute_output_shape(x.shape) == layer(x).shape
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *layer(x).shape[1:])


@each_case
def test_same_numbers_under_xla(case):
    (plain, x), (compiled, _) = make(case), make(case)
    plain.build(x.shape)
    compiled.build(x.shape)
    compiled.set_weights(plain.get_weights())
    program = tf.function(lambda x: compiled(x, training=True), jit_compile=True)
    np.testing.assert_allclose(program(x), plain(x, training=True), rtol=1e-5, atol=1e-6)


@each_case
@pytest.mark.parametrize("dtype", ["uint8", "bool", "int32", "float64"])
def test_any_input_dtype_becomes_the_compute_dtype(case, dtype):
    layer, x = make(case)
    outputs = layer(x.astype(dtype), training=True)
    assert outputs.dtype == tf.float32
    assert np.all(np.isfinite(outputs))


@each_case
@pytest.mark.parametrize("policy", ["float64", "mixed_bfloat16", "mixed_float16"])
def test_float_policies(case, policy):
    layer, x = make(case, dtype=policy)
    assert layer(x, training=True).dtype.name == keras.dtype_policies.get(policy).compute_dtype
    if hasattr(layer, "kernel"):
        assert layer.kernel.dtype.name == keras.dtype_policies.get(policy).variable_dtype
        single, _ = make(case)
        single.build(x.shape)
        single.set_weights(layer.get_weights())
        np.testing.assert_allclose(single(x), tf.cast(layer(x), tf.float32), atol=0.05)
        # Norms in float32: the mixed layer caps the very same kernel.
        if policy != "float64":
            np.testing.assert_array_equal(layer.kernel, single.kernel)


@each_case
def test_trains_in_a_model(case):
    layer, x = make(case)
    model = keras.Sequential([layer, keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=True)
    model(x[:1])
    before = [w.numpy() for w in layer.trainable_weights]
    history = model.fit(x, np.ones((8, 1), "float32"), batch_size=4, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    for old, new in zip(before, layer.trainable_weights, strict=True):
        assert np.any(old != new), new.name
