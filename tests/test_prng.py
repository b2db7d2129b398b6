"""The generator against its published vectors, and its promises about seeds."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from air_tf import prng

# Known-answer vectors of Threefry-2x32, 20 rounds, in the Random123 library: counter, key, result.
VECTORS = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_threefry_gives_the_published_words(counter, key, expected):
    seed = tf.bitcast(tf.constant(key, tf.uint32), tf.int32)
    words = prng._threefry(seed, *(tf.constant([word], tf.uint32) for word in counter))
    assert tuple(word.numpy().item() for word in words) == expected


@pytest.mark.parametrize("draw", [prng.normal, prng.uniform])
def test_same_numbers_with_xla_and_without(draw):
    shape = [5, 7]  # an odd count of numbers
    plain = draw(shape, prng.as_seed(3), "float32")
    compiled = tf.function(lambda seed: draw(shape, seed, "float32"), jit_compile=True)
    np.testing.assert_allclose(compiled(prng.as_seed(3)), plain, rtol=1e-5, atol=1e-6)
    assert len(np.unique(plain)) == 35


@pytest.mark.parametrize(
    ("draw", "distribution"),
    [(prng.normal, scipy.stats.norm), (prng.uniform, scipy.stats.uniform)],
)
def test_numbers_follow_their_distribution(draw, distribution):
    numbers = draw([200_000], prng.as_seed(1), "float32").numpy()
    assert scipy.stats.kstest(numbers, distribution.cdf).pvalue > 1e-3
    correlation = np.corrcoef(numbers[1:], numbers[:-1])[0, 1]
    assert abs(correlation) < 4.5 / np.sqrt(len(numbers))
    halves = np.corrcoef(numbers[:100_000], numbers[100_000:])[0, 1]  # the two words of a counter
    assert abs(halves) < 4.5 / np.sqrt(100_000)


def test_new_seeds_differ_from_each_other_and_from_what_is_drawn():
    seed = prng.as_seed(0)
    seeds = [seed, *prng.split(seed, 50), *(prng.fold_in(seed, i) for i in range(-3, 50))]
    assert len({tuple(s.numpy()) for s in seeds}) == len(seeds)
    firsts = [float(prng.uniform([1], s, "float32")[0]) for s in seeds]
    assert len(set(firsts)) == len(firsts)
