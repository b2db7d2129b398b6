import keras
import numpy as np
import pytest

from air_tf import prng
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


KINDS = ["gaussian", "masking", "salt_and_pepper"]
each_kind = pytest.mark.parametrize("kind", KINDS)
corrupts = pytest.mark.parametrize("kind", KINDS[1:])


def within_5_standard_errors(share, rate, n):
    assert abs(share - rate) <= 5 * np.sqrt(rate * (1 - rate) / n)


@pytest.mark.parametrize("probability", [1.0, 0.4])
def test_gaussian_numbers_are_those_of_its_seed(probability):
    x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    noise_seed, coin_seed = prng.split(prng.next_seed(keras.random.SeedGenerator(5)))
    noisy = x + 0.3 * prng.normal((20, 3), noise_seed, "float32").numpy()
    coin = prng.uniform((20, 1), coin_seed, "float32").numpy() < probability
    outputs = NoiseInjection(0.3, probability, seed=5)(x, training=True)
    np.testing.assert_array_equal(outputs, np.where(coin, noisy, x))


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
@corrupts
def test_rate_over_all_entries(kind, rate):
    x = np.full((300, 20, 10), 7, "int32")
    outputs = NoiseInjection(rate, kind=kind, low=-2, high=5, seed=1)(x, training=True).numpy()
    levels = {0} if kind == "masking" else {-2, 5}
    assert set(np.unique(outputs)) == {7} | levels  # what stays is not rescaled
    n = outputs.size
    within_5_standard_errors(np.mean(outputs != 7), rate, n)
    for level in levels:
        within_5_standard_errors(np.mean(outputs == level), rate / len(levels), n)
    # Each entry alone and each pair of neighbours: none is spared, and they are independent.
    changed = outputs != 7
    deviation = (changed.mean(axis=0) - rate) / np.sqrt(rate * (1 - rate) / 300)
    assert np.abs(deviation).max() < 5
    assert abs(np.mean(deviation**2) - 1) < 5 * np.sqrt(2 / deviation.size)
    within_5_standard_errors(np.mean(changed[..., 1:] & changed[..., :-1]), rate**2, n / 2)


@corrupts
def test_coin_and_rate_together(kind):
    x = np.full((2000, 40), 7.0, "float32")
    outputs = NoiseInjection(0.3, probability=0.6, kind=kind, seed=1)(x, training=True).numpy()
    rates = np.mean(outputs != 7, axis=1)
    noisy = rates > 0  # of 40 entries, none is hit with probability 6e-7
    within_5_standard_errors(noisy.mean(), 0.6, 2000)
    within_5_standard_errors(rates[noisy].mean(), 0.3, 40 * noisy.sum())


@corrupts
def test_rate_one_spares_nothing(kind):
    x = np.full((200, 50), 7.0, "float32")
    outputs = NoiseInjection(1, kind=kind, seed=0)(x, training=True).numpy()
    assert set(np.unique(outputs)) == ({0} if kind == "masking" else {0, 1})


def test_masking_hides_what_is_not_a_number():
    x = np.full((2, 3), np.nan, "float32")
    np.testing.assert_array_equal(
        NoiseInjection(1.0, kind="masking")(x, training=True), np.zeros((2, 3))
    )


@each_kind
@pytest.mark.parametrize("options", [{"stddev": 0.0}, {"stddev": 1.0, "probability": 0.0}])
def test_no_strength_means_no_noise(options, kind):
    x = np.full((3, 4), 7.0, "float32")
    np.testing.assert_array_equal(NoiseInjection(**options, kind=kind)(x, training=True), x)


@each_kind
def test_silent_outside_training(kind):
    x = np.full((3, 4), 7.0, "float32")
    layer = NoiseInjection(1.0, kind=kind)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(keras.Sequential([layer]).predict(x, verbose=0), x)


@each_kind
def test_seeds_repeat_calls_and_examples_differ(kind):
    x = np.full((3, 4, 5, 2), 7.0, "float32")
    first, second = (NoiseInjection(0.5, kind=kind, seed=7) for _ in range(2))
    a = first(x, training=True).numpy()
    np.testing.assert_array_equal(a, second(x, training=True))
    assert np.any(a != first(x, training=True))
    assert np.any(a != NoiseInjection(0.5, kind=kind, seed=8)(x, training=True))
    assert np.any(a[0] != a[1])
    assert np.any(a[0] != a[2])
    assert np.any(a[..., 0] != a[..., 1])


@corrupts
@pytest.mark.parametrize("rate", [0.3, 0.997])
def test_half_precision_does_not_round_the_rate(kind, rate):
    layer = NoiseInjection(rate, kind=kind, seed=0, dtype="mixed_bfloat16")
    changed = np.float32(layer(np.full((400, 500), 7.0), training=True)) != 7
    within_5_standard_errors(changed.mean(), rate, changed.size)


def test_config_of_an_earlier_version():
    layer = NoiseInjection.from_config({"stddev": 0.2, "probability": 0.5, "seed": 1})
    assert (layer.kind, layer.stddev, layer.probability, layer.seed) == ("gaussian", 0.2, 0.5, 1)


def test_rate():
    assert NoiseInjection(0.2, kind="masking").rate == 0.2
    with pytest.raises(AttributeError, match="Gaussian noise has no `rate`"):
        _ = NoiseInjection(0.2).rate


@corrupts
@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), "1", None])
def test_rejects_rate(kind, rate):
    with pytest.raises(
        ValueError, match=rf"With kind='{kind}', `stddev` must be .* Received: stddev="
    ):
        NoiseInjection(rate, kind=kind)


def test_rejects_kind():
    with pytest.raises(ValueError, match="did you mean 'masking'"):
        NoiseInjection(0.2, kind="mask")


@pytest.mark.parametrize(
    "levels", [{"low": 1}, {"low": 2, "high": 1}, {"high": float("inf")}, {"low": "0"}]
)
def test_rejects_levels(levels):
    with pytest.raises(ValueError, match=r"`low` and `high` must be .* Received: low="):
        NoiseInjection(0.2, kind="salt_and_pepper", **levels)


@pytest.mark.parametrize("stddev", [-0.1, float("nan"), float("inf"), "1", None])
def test_rejects_stddev(stddev):
    with pytest.raises(ValueError, match=r"`stddev` must be .* Received: stddev="):
        NoiseInjection(stddev)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_rejects_probability(probability):
    with pytest.raises(ValueError, match=r"`probability` must be .* Received: probability="):
        NoiseInjection(1.0, probability)
