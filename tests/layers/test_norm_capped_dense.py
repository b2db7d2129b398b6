import keras
import numpy as np
import pytest
import tensorflow as tf

from air_tf.layers import NormCappedDense


def built(max_norm=0.7, cap="min", features=6, units=5, **options):
    layer = NormCappedDense(units, max_norm, cap, **options)
    layer.build((None, features))
    return layer


@pytest.mark.parametrize("cap", ["min", "sigmoid"])
def test_kernel_is_the_formula(cap):
    layer = built(cap=cap)
    rng = np.random.default_rng(0)
    v, u = rng.normal(size=(6, 5)), rng.normal(size=5)
    v[:, 0] *= 1e-3  # a column below its cap
    layer.v.assign(v)
    layer.u.assign(u)
    norms = np.linalg.norm(v, axis=0)
    scale = 0.7 / (1 + np.exp(-u))
    if cap == "min":
        scale = np.minimum(norms, scale)
    np.testing.assert_allclose(layer.kernel, v / norms * scale, rtol=3e-6)


@pytest.mark.parametrize("cap", ["min", "sigmoid"])
@pytest.mark.parametrize("u", [-50.0, 0.0, 50.0])
def test_norms_never_exceed_the_cap(cap, u):
    layer = built(cap=cap, features=300, units=200)
    layer.v.assign(np.random.default_rng(0).normal(size=(300, 200)) * 100)
    layer.u.assign(np.full(200, u))
    assert np.all(np.linalg.norm(layer.kernel, axis=0) <= 0.7)


def test_large_cap_gives_the_ordinary_layer():
    layer = built(max_norm=1e6, activation="tanh")
    dense = keras.layers.Dense(5, activation="tanh")
    dense.build((None, 6))
    dense.set_weights([layer.v, layer.bias])
    x = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    np.testing.assert_allclose(layer(x), dense(x), rtol=1e-6)


def test_lipschitz_on_random_pairs():
    # ‖W‖₂ ≤ ‖W‖_F ≤ H·√units
    layer = built(max_norm=0.5, features=20, units=8)
    layer.v.assign(np.random.default_rng(0).normal(size=(20, 8)) * 10)
    a, b = np.random.default_rng(1).normal(size=(2, 100, 20)).astype("float32")
    rise = np.linalg.norm(layer(a).numpy() - layer(b).numpy(), axis=1)
    assert np.all(rise <= 0.5 * np.sqrt(8) * np.linalg.norm(a - b, axis=1) * (1 + 1e-5))
    assert np.linalg.svd(layer.kernel.numpy(), compute_uv=False)[0] <= 0.5 * np.sqrt(8)


@pytest.mark.parametrize("cap", ["min", "sigmoid"])
def test_gradient_is_finite_at_a_zero_column(cap):
    layer = built(cap=cap)
    layer.v.assign(np.zeros((6, 5)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(np.ones((2, 6), "float32")) ** 2)
    for gradient in tape.gradient(loss, layer.trainable_weights):
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("shape", [(4,), (4, 3), (5, 1, 7), (1, 4, 1, 3)])
def test_any_rank_without_bias(shape):
    layer = NormCappedDense(16, 1.0, use_bias=False)
    x = np.random.default_rng(0).integers(0, 255, (*shape, 12)).astype("uint8")
    np.testing.assert_allclose(layer(x), x @ layer.kernel.numpy(), rtol=1e-5, atol=1e-4)


def test_shapes_without_bias():
    layer = NormCappedDense(5, 1.0, use_bias=False)
    assert layer(keras.Input((3, 6))).shape == (None, 3, 5)
    assert layer.compute_output_shape((None, 3, 6)) == (None, 3, 5)
    assert [weight.name for weight in layer.weights] == ["v", "u"]


def test_hands_a_mask_on():
    masked = keras.layers.Masking()(np.float32([[[1.0, 2.0], [0.0, 0.0]]]))
    outputs = NormCappedDense(5, 1.0)(masked)
    np.testing.assert_array_equal(keras.src.backend.get_keras_mask(outputs), [[True, False]])


@pytest.mark.parametrize("max_norm", [0, -1.0, float("nan"), float("inf"), None])
def test_rejects_max_norm(max_norm):
    with pytest.raises(ValueError, match=r"`max_norm` must be .* Received: max_norm="):
        NormCappedDense(3, max_norm)


def test_rejects_units_and_cap():
    with pytest.raises(ValueError, match="`units`"):
        NormCappedDense(0, 1.0)
    with pytest.raises(ValueError, match="did you mean 'sigmoid'"):
        NormCappedDense(3, 1.0, cap="sigmod")
