"""The standard error of what varies over trainings and over examples."""

import math

import numpy as np

from air_tf.evaluation import Estimate


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
