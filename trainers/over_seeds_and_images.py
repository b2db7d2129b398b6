"""The standard error of what varies over trainings and over examples."""

import math

import numpy as np

from air_tf.evaluation import DifferenceOfMeans, Estimate


def over_seeds_and_images(values):
    """The mean of values `[seeds, images]`, with its standard error over seeds and images.

    The error is √(e_images² + e_seeds²): e_images is the standard error over images of their means
    over seeds, and e_seeds the standard error over seeds of their means over images.

    What varies from image to image and from seed to seed at once counts in both: the error is
    rather too large than too small.

    Args:
        values: array `[seeds, images]`, at least two of each; for a difference of two models, the
            differences paired by seed and image. Nats.

    Returns:
        `{"mean", "standard_error"}`, nats.
    """
    values = np.asarray(values, np.float64)
    images, seeds = Estimate(values.mean(axis=0)), Estimate(values.mean(axis=1))
    error = math.hypot(images.standard_error, seeds.standard_error)
    return {"mean": images.mean, "standard_error": error}


def difference_over_seeds_and_images(first, second):
    """The mean of one group of images less that of another, over seeds and images.

    Args:
        first, second: arrays `[seeds, images]`, as many seeds of each, whose models are the same.

    Returns:
        `{"mean", "standard_error"}`, nats; the error is made as in `over_seeds_and_images`.
    """
    seeds = Estimate(np.mean(first, axis=1) - np.mean(second, axis=1))
    images = DifferenceOfMeans(*(Estimate(np.mean(group, axis=0)) for group in (first, second)))
    error = math.hypot(images.standard_error, seeds.standard_error)
    return {"mean": images.mean, "standard_error": error}
