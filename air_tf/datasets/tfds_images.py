"""Reads images with TFDS. `load` imports this module when it needs it: TFDS is slow to import."""

import tensorflow as tf
import tensorflow_datasets as tfds

from air_tf.datasets import caltech101_silhouettes, omniglot28
from air_tf.datasets.prepare import prepared_builder

# Importing the builders registers them with TFDS.
_BUILDERS = (caltech101_silhouettes.Caltech101Silhouettes, omniglot28.Omniglot28)


def read(name, splits, highest, data_dir=None, manual_dir=None):
    """Reads the images of some splits, which are prepared first if need be.

    Args:
        name: TFDS name, perhaps with a config.
        splits: our split → what TFDS calls it.
        highest: highest grey level that the images may have.
        data_dir, manual_dir: as of `prepared_builder`.

    Returns:
        {split: uint8 `[N, D]`}, and (height, width) of an image.

    Raises:
        ValueError: for damaged data.
        FileNotFoundError: for a missing file.
    """
    builder = prepared_builder(name, data_dir, manual_dir)
    arrays = {}
    for split, selection in splits.items():
        try:
            images = builder.as_dataset(
                split=selection,
                batch_size=-1,
                decoders=tfds.decode.PartialDecoding({"image": True}),
            )["image"]
        except tf.errors.OpError as error:
            raise ValueError(
                f"The prepared data of {name} is damaged; delete it, and it is made again. "
                f"Received: {builder.data_path}: {error.message}"
            ) from error
        arrays[split] = images.numpy().reshape(len(images), -1)
        if arrays[split].max() > highest:
            raise ValueError(
                f"{name} must have levels 0..{highest}. Received: {arrays[split].max()}"
            )
    return arrays, builder.info.features["image"].shape[:2]
