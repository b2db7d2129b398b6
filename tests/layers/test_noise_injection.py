import keras
import numpy as np
import pytest
import tensorflow as tf

from air_tf.layers import NoiseInjection


def test_noise_is_gaussian_with_the_given_stddev():
    x = np.full((400, 50), 0.5, "float32")
    noise = NoiseInjection(2.0, seed=1)(x, training=True).numpy() - x
    n = noise.size
    assert abs(noise.mean()) < 4 * 2.0 / np.sqrt(n)
    assert abs(noise.std() - 2.0) < 4 * 2.0 / np.sqrt(2 * n)


def test_coin_falls_for_a_whole_example():
    x = np.zeros((2000, 5), "float32")
    noisy = NoiseInjection(1.0, probability=0.3, seed=1)(x, training=True).numpy() != 0
    assert np.all(noisy.all(axis=1) == noisy.any(axis=1))
    share = noisy.any(axis=1).mean()
    assert abs(share - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 2000)


@pytest.mark.parametrize("options", [{"stddev": 0.0}, {"stddev": 1.0, "probability": 0.0}])
def test_no_strength_means_no_noise(options):
    x = np.ones((3, 4), "float32")
    np.testing.assert_array_equal(NoiseInjection(**options)(x, training=True), x)


def test_silent_outside_training():
    x = np.ones((3, 4), "float32")
    np.testing.assert_array_equal(NoiseInjection(5.0)(x), x)


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int32", "float64"])
def test_any_input_dtype_becomes_the_compute_dtype(dtype):
    x = np.ones((3, 4), dtype)
    assert NoiseInjection(0.1)(x, training=True).dtype == tf.float32


@pytest.mark.parametrize("policy", ["float64", "mixed_bfloat16", "mixed_float16"])
def test_float_policies(policy):
    layer = NoiseInjection(0.1, dtype=policy)
    outputs = layer(np.ones((3, 4), "float32"), training=True)
    assert outputs.dtype.name == keras.dtype_policies.get(policy).compute_dtype


def test_same_seed_same_noise_and_calls_differ():
    x = np.zeros((3, 4), "float32")
    first, second = NoiseInjection(1.0, seed=7), NoiseInjection(1.0, seed=7)
    a, b = first(x, training=True), second(x, training=True)
    np.testing.assert_array_equal(a, b)
    assert not np.any(a == first(x, training=True))


def test_images_of_any_rank():
    layer = NoiseInjection(1.0, 0.5, seed=0)
    assert layer(np.zeros((3, 4, 5, 2)), training=True).shape == (3, 4, 5, 2)
    assert layer.compute_output_shape((None, 4)) == (None, 4)


@pytest.mark.parametrize("stddev", [-0.1, float("nan"), float("inf"), "1", None])
def test_rejects_stddev(stddev):
    with pytest.raises(ValueError, match=r"`stddev` must be .* Received: stddev="):
        NoiseInjection(stddev)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_rejects_probability(probability):
    with pytest.raises(ValueError, match=r"`probability` must be .* Received: probability="):
        NoiseInjection(1.0, probability)
