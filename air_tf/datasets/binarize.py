"""Turns grey levels into binary pixels."""

import numpy as np
import tensorflow as tf


def binarize(grey, seed):
    """Draws each pixel once from a Bernoulli distribution; its grey level is the probability.

    Args:
        grey: `[N, *S]`, uint8 levels 0..255 or floats in [0, 1].
        seed: int.

    Returns:
        uint8 `[N, *S]` of 0/1.

    Raises:
        ValueError: if floats lie outside [0, 1].

    Example:
    >>> air_tf.datasets.binarize(np.array([[0, 255]], "uint8"), seed=0).tolist()
    [[0, 1]]
    """
    probability = _probability(grey)
    uniform = np.random.default_rng(seed).random(probability.shape, dtype=np.float32)
    return (uniform < probability).astype(np.uint8)


def dynamic_binarization(grey, batch_size, seed=None):
    """Shuffled batches of grey images, binarized again in each epoch, as a `tf.data.Dataset`.

    Args:
        grey: as in `binarize`.
        batch_size: int ≥ 1.
        seed: optional int; the same seed gives the same sequence of epochs.
    """
    probability = _probability(grey)
    examples = tf.data.Dataset.from_tensor_slices(probability)
    examples = examples.shuffle(len(probability), seed=seed).batch(batch_size)
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)

    def draw(p, seed):
        return tf.cast(tf.random.stateless_uniform(tf.shape(p), seed) < p, tf.uint8)

    return tf.data.Dataset.zip(examples, seeds).map(draw, num_parallel_calls=tf.data.AUTOTUNE)


def _probability(grey):
    grey = np.asarray(grey)
    if grey.dtype == np.uint8:
        return grey.astype(np.float32) / np.float32(255)
    if not (grey.min() >= 0 and grey.max() <= 1):
        raise ValueError(
            "grey levels must be uint8 0..255 or floats in [0, 1]. "
            f"Received: values from {grey.min()} to {grey.max()} (dtype {grey.dtype})"
        )
    return grey.astype(np.float32)
