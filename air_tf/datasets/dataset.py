"""Observations in three splits."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

from air_tf import checks
from air_tf.datasets.binarize import dynamic_binarization

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Observations in three splits; images are upright, with figure = 1 if they are binary.

    Attributes:
        name: the source of the observations.
        train, validation, test: `[N, *S]`, real and finite. Under static binarization, they are
            0/1 pixels; under dynamic binarization, `train` holds grey levels instead.
        image_shape: (height, width), or with 1 or 3 channels (height, width, channels), of
            observations that are images, flat or not; None for others.
        binarization: "static" (the pixels are binary), "dynamic", or "none" (the values are as they
            came).

    Raises:
        ValueError: if the observations of the splits differ in shape, are no images of
            `image_shape`, or hold other values.
    """

    name: str
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    image_shape: tuple | None = None
    binarization: str = "static"

    def __post_init__(self):
        checks.one_of("binarization", self.binarization, ("static", "dynamic", "none"))
        shape = checks.observations(self.train, name="train").shape[1:]
        _check_image_shape(self.image_shape, shape)
        for split in SPLITS:
            x = checks.observations(getattr(self, split), shape, name=split)
            if self.binarization == "none":
                check_finite(x, split)
            elif split != "train" or self.binarization == "static":
                _check_binary(x, split)

    def as_images(self):
        """The same data with observations `[N, height, width, channels]`, as convolutions take it.

        Raises:
            ValueError: for observations that are no images.

        Example:
        >>> air_tf.datasets.load("digits").as_images().train.shape
        (1000, 8, 8, 1)
        """
        if self.image_shape is None:
            raise ValueError(
                "Only images [N, height, width] or [N, height, width, channels] can be taken as "
                f"images. Received: {self.name} with train.shape={self.train.shape}"
            )
        shape = (*self.image_shape, 1)[:3]
        return dataclasses.replace(
            self, **{split: getattr(self, split).reshape(-1, *shape) for split in SPLITS}
        )

    def training_batches(self, batch_size, seed=None):
        """Shuffled training batches for `model.fit`, binarized again in each epoch if dynamic.

        Returns:
            A `tf.data.Dataset` of `[B, *S]`; the last batch of an epoch may be short.
        """
        checks.positive_int("batch_size", batch_size)
        if self.binarization == "dynamic":
            return dynamic_binarization(self.train, batch_size, seed)
        examples = tf.data.Dataset.from_tensor_slices(self.train)
        return examples.shuffle(len(self.train), seed=seed).batch(batch_size)


def is_binary(x):
    """Where an array is 0 or 1."""
    return (x == 0) | (x == 1)


def check_finite(x, name):
    """Raises ValueError, with the first offending value, unless all numbers are finite."""
    if x.dtype.kind == "f":
        checks.values(x, np.isfinite(x), "finite numbers", name)


def _check_binary(x, name):
    expected = "binary pixels (0 or 1), unless the binarization is 'none'"
    checks.values(x, is_binary(x), expected, name)


def _check_image_shape(image_shape, shape):
    if image_shape is None:
        return
    known = len(image_shape) == 2 or (len(image_shape) == 3 and image_shape[2] in (1, 3))
    if not known or math.prod(image_shape) != math.prod(shape):
        raise ValueError(
            "`image_shape` must be (height, width), (height, width, 1 or 3) or None, with as many "
            f"pixels as an observation. Received: image_shape={image_shape} for observations of "
            f"the shape {shape}"
        )
