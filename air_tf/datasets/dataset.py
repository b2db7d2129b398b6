"""Binary images in three splits."""

import dataclasses

import numpy as np
import tensorflow as tf

from air_tf import checks
from air_tf.datasets.binarize import dynamic_binarization


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Images in three splits, upright, figure = 1.

    Attributes:
        name: the source of the images.
        train, validation, test: uint8 `[N, D]`, 0/1 pixels; under dynamic binarization, `train`
            holds grey levels 0..255 instead.
        image_shape: (height, width) with height·width = D.
        binarization: "static" (the images are binary) or "dynamic".

    Raises:
        ValueError: if the width of a split does not match `image_shape`.
    """

    name: str
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    image_shape: tuple
    binarization: str = "static"

    def __post_init__(self):
        width = self.image_shape[0] * self.image_shape[1]
        for split in ("train", "validation", "test"):
            x = getattr(self, split)
            if split != "train" or self.binarization == "static":
                checks.pixels(x, width, binary=True, name=split)

    def training_batches(self, batch_size, seed=None):
        """Shuffled training batches for `model.fit`, binarized again in each epoch if dynamic.

        Returns:
            A `tf.data.Dataset` of uint8 `[B, D]`; the last batch of an epoch may be short.
        """
        checks.positive_int("batch_size", batch_size)
        if self.binarization == "dynamic":
            return dynamic_binarization(self.train, batch_size, seed)
        examples = tf.data.Dataset.from_tensor_slices(self.train)
        return examples.shuffle(len(self.train), seed=seed).batch(batch_size)
