import keras
import numpy as np
import pytest
import tensorflow as tf

from air_tf.layers import NormCappedConv2D, NormCappedDense

X = np.random.default_rng(0).normal(size=(2, 9, 8, 4)).astype("float32")


def built(max_norm=0.7, cap="min", filters=6, kernel_size=(3, 2), shape=(9, 8, 4), **options):
    layer = NormCappedConv2D(filters, kernel_size, max_norm, cap, **options)
    layer.build((None, *shape))
    return layer


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("cap", ["min", "sigmoid"])
def test_kernel_is_the_formula(cap, groups):
    layer = built(cap=cap, groups=groups)
    rng = np.random.default_rng(0)
    v, u = rng.normal(size=(3, 2, 4 // groups, 6)), rng.normal(size=6)
    v[..., 0] *= 1e-3  # a filter below its cap
    layer.v.assign(v)
    layer.u.assign(u)
    for f in range(6):
        norm, scale = np.sqrt(np.sum(v[..., f] ** 2)), 0.7 / (1 + np.exp(-u[f]))
        if cap == "min":
            scale = min(norm, scale)
        np.testing.assert_allclose(layer.kernel[..., f], v[..., f] / norm * scale, rtol=3e-6)


@pytest.mark.parametrize("cap", ["min", "sigmoid"])
@pytest.mark.parametrize("u", [-50.0, 0.0, 50.0])
def test_norms_never_exceed_the_cap(cap, u):
    layer = built(cap=cap, filters=64, kernel_size=5, shape=(9, 8, 128))
    layer.v.assign(np.random.default_rng(0).normal(size=layer.v.shape) * 100)
    layer.u.assign(np.full(64, u))
    assert np.all(np.linalg.norm(np.float64(layer.kernel).reshape(-1, 64), axis=0) <= 0.7)


GEOMETRIES = [
    {},
    {"strides": 2},
    {"strides": (3, 2)},
    {"dilation_rate": 2},
    {"dilation_rate": (1, 3)},
    {"groups": 2},
    {"groups": 2, "strides": (1, 2)},
    {"groups": 2, "dilation_rate": 2},
]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_is_conv2d_with_the_same_kernel(geometry, padding):
    options = {"padding": padding, "activation": "tanh", **geometry}
    large = built(max_norm=1e6, **options)
    small = built(max_norm=0.5, **options)
    for layer in large, small:
        layer.bias.assign(np.arange(6))
        convolution = keras.layers.Conv2D(6, (3, 2), **options)
        convolution.build((None, 9, 8, 4))
        convolution.set_weights([layer.v if layer is large else layer.kernel, layer.bias])
        np.testing.assert_allclose(layer(X), convolution(X), rtol=1e-6, atol=1e-6)
        assert layer.compute_output_shape(X.shape) == convolution(X).shape


@pytest.mark.parametrize("geometry", [*GEOMETRIES[:2], *GEOMETRIES[5:6]], ids=str)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_channels_first_wherever_keras_has_it(geometry, jit_compile):
    options = {"data_format": "channels_first", "padding": "same", **geometry}
    layer = built(max_norm=1e6, shape=(4, 9, 8), **options)
    layer.bias.assign(np.arange(6))
    convolution = keras.layers.Conv2D(6, (3, 2), **options)
    convolution.build((None, 4, 9, 8))
    convolution.set_weights([layer.v, layer.bias])
    x = X.transpose(0, 3, 1, 2)
    assert layer.compute_output_shape(x.shape) == convolution.compute_output_shape(x.shape)
    ours, keras_own = (tf.function(c, jit_compile=jit_compile) for c in (layer, convolution))
    try:
        expected = keras_own(x)
    except tf.errors.OpError as error:
        with pytest.raises(type(error)):
            ours(x)
    else:
        np.testing.assert_allclose(ours(x), expected, rtol=1e-6, atol=1e-6)
        last = built(max_norm=1e6, **{**options, "data_format": "channels_last"})
        last.set_weights(layer.get_weights())
        np.testing.assert_allclose(
            expected, np.transpose(last(X), (0, 3, 1, 2)), rtol=1e-4, atol=1e-5
        )


def test_channels_first_with_as_many_filters_as_columns():
    # Keras 3.15 adds Conv2D's bias to the columns here.
    layer = built(filters=8, shape=(4, 9, 8), data_format="channels_first", padding="same")
    x = X.transpose(0, 3, 1, 2)
    program = tf.function(layer, jit_compile=True)
    without = program(x).numpy()
    layer.bias.assign(np.arange(8))
    for f, difference in enumerate(np.moveaxis(program(x) - without, 1, 0)):
        np.testing.assert_allclose(difference, np.full((2, 9, 8), f), atol=1e-5)


def test_global_data_format():
    keras.config.set_image_data_format("channels_first")
    try:
        assert NormCappedConv2D(6, 3, 1.0).compute_output_shape((2, 4, 9, 8)) == (2, 6, 7, 6)
    finally:
        keras.config.set_image_data_format("channels_last")


def test_a_kernel_of_one_pixel_is_the_dense_layer():
    layer = built(kernel_size=1, cap="sigmoid")
    dense = NormCappedDense(6, 0.7, "sigmoid")
    dense.build((None, 4))
    dense.set_weights([np.reshape(layer.v, (4, 6)), layer.u, layer.bias])
    np.testing.assert_array_equal(np.reshape(layer.kernel, (4, 6)), dense.kernel)
    np.testing.assert_allclose(layer(X), dense(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cap", ["min", "sigmoid"])
def test_gradient_is_finite_at_a_zero_filter(cap):
    layer = built(cap=cap)
    layer.v.assign(np.zeros(layer.v.shape))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(X) ** 2)
    for gradient in tape.gradient(loss, layer.trainable_weights):
        assert np.all(np.isfinite(gradient))


def test_images_of_any_size():
    layer = built(shape=(None, None, 4), use_bias=False)
    assert layer(keras.Input((None, None, 4))).shape == (None, None, None, 6)
    assert layer(X[:, :5, :4]).shape == (2, 3, 3, 6)
    assert [weight.name for weight in layer.weights] == ["v", "u"]


def test_takes_no_name_from_conv2d():
    keras.backend.clear_session()
    assert built().name == "norm_capped_conv2d"
    assert keras.layers.Conv2D(6, 3).name == "conv2d"


def test_activity_regularizer():
    layer = built(activity_regularizer="l2")
    layer(X)
    assert len(layer.losses) == 1
    assert NormCappedConv2D.from_config(layer.get_config()).activity_regularizer is not None


@pytest.mark.parametrize("max_norm", [0, -1.0, float("nan"), float("inf"), None])
def test_rejects_max_norm(max_norm):
    with pytest.raises(ValueError, match=r"`max_norm` must be .* Received: max_norm="):
        NormCappedConv2D(3, 3, max_norm)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filters": 0}, "`filters` must be .* Received: filters=0"),
        ({"cap": "sigmod"}, "did you mean 'sigmoid'"),
        ({"groups": 0}, "`groups` must be .* Received: groups=0"),
        ({"groups": 2}, "evenly divisible.*groups=2"),
        ({"kernel_size": 0}, "kernel_size"),
        ({"kernel_size": (3, 3, 3)}, "`kernel_size` argument must be a tuple of 2 integers"),
        (
            {"kernel_size": (3, 2.5)},
            "`kernel_size` must be an integer .* Received: kernel_size=2.5",
        ),
        ({"strides": 0}, "strides"),
        ({"dilation_rate": -1}, "dilation_rate"),
        ({"strides": 2, "dilation_rate": 2}, "`strides > 1` not supported"),
        ({"padding": "causal"}, r"`padding` must be one of \['same', 'valid'\]"),
        ({"padding": None}, "`padding` must be one of"),
        ({"data_format": "first"}, "data_format"),
        ({"kernel_regularizer": "l2"}, "kernel_regularizer"),
        ({"activation": "tan"}, "tan"),
    ],
)
def test_rejects(options, message):
    with pytest.raises(ValueError, match=message):
        NormCappedConv2D(**{"filters": 3, "kernel_size": 3, "max_norm": 1.0, **options})


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({}, (2, 2, 4), "zero or negative|<= 0"),
        ({"groups": 2}, (9, 8, 3), r"multiple of `groups`. Received: 3 channels .*groups=2"),
        ({}, (9, 8, None), "must be known"),
    ],
)
def test_rejects_input_shapes(options, shape, message):
    with pytest.raises(ValueError, match=message):
        built(shape=shape, **options)


@pytest.mark.parametrize("x", [X[0], X[..., :3], X[None]], ids=["3D", "3 channels", "5D"])
def test_rejects_inputs(x):
    with pytest.raises(ValueError, match=r"norm_capped_conv2d.* is incompatible with the layer"):
        built()(x)
