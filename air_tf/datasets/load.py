"""Loads every data set by its name."""

import pathlib

import numpy as np
import sklearn.datasets
import tensorflow as tf
import tensorflow_datasets as tfds

from air_tf import checks
from air_tf.datasets import caltech101_silhouettes, omniglot28
from air_tf.datasets.binarize import binarize
from air_tf.datasets.dataset import Dataset
from air_tf.datasets.prepare import prepared_builder

_SPLITS = {"train": "train", "validation": "validation", "test": "test"}
# MNIST has no validation split; by custom, it is the last 10,000 training images.
_MNIST_SPLITS = {"train": "train[:50000]", "validation": "train[50000:]", "test": "test"}
# name → (TFDS name, splits, highest grey level)
_TFDS = {
    "binarized_mnist": ("binarized_mnist", _SPLITS, 1),
    "mnist": ("mnist", _MNIST_SPLITS, 255),
    "caltech101_silhouettes": ("caltech101_silhouettes", _SPLITS, 1),
    "omniglot28": ("omniglot28/lake", _SPLITS, 255),
    "omniglot28/lake": ("omniglot28/lake", _SPLITS, 255),
    "omniglot28/burda": ("omniglot28/burda", _SPLITS, 255),
}
# Importing the builders registers them with TFDS.
_BUILDERS = (caltech101_silhouettes.Caltech101Silhouettes, omniglot28.Omniglot28)


def list_datasets():
    """The names that `load` knows.

    Example:
    >>> air_tf.datasets.list_datasets()[0]
    'digits'
    """
    return ["digits", *_TFDS]


def load(name, *, data_dir=None, manual_dir=None, binarization="static", seed=0):
    """Loads a data set as binary images in three splits.

    | name | images | train / validation / test |
    |---|---|---|
    | `digits` | scikit-learn's digits, 8×8, binarized; needs no download | 1,000 / 297 / 500 |
    | `binarized_mnist` | Larochelle's static binarization | 50,000 / 10,000 / 10,000 |
    | `mnist` | grey MNIST, binarized | 50,000 / 10,000 / 10,000 |
    | `caltech101_silhouettes` | binary silhouettes | 4,100 / 2,264 / 2,307 |
    | `omniglot28` | Lake's drawings at 28×28, binarized | 23,000 / 1,345 / 8,115 |
    | `omniglot28/burda` | Burda's file, binarized | 23,000 / 1,345 / 8,070 |
    | `PATH.npz` | your own arrays `train`, `validation`, `test`, `[N, D]` or `[N, H, W]` | |

    Args:
        name: one of the above.
        data_dir: where TFDS keeps prepared data; TFDS's default if None.
        manual_dir: folder with the original files, for machines without a network.
        binarization: for grey images. "static" draws each pixel once (Bernoulli of its level);
            "dynamic" leaves `train` grey, and `Dataset.training_batches` draws it again in each
            epoch.
        seed: int, for the static draw.

    Returns:
        A `Dataset`.

    Raises:
        ValueError: for an unknown name (with the nearest known one), invalid pixels, a damaged
            file, or dynamic binarization of binary images.
        FileNotFoundError: for a missing file; it names the file, its source and the folder.

    Example:
    >>> data = air_tf.datasets.load("digits")
    >>> data.train.shape, data.validation.shape, data.test.shape, data.image_shape
    ((1000, 64), (297, 64), (500, 64), (8, 8))
    """
    checks.one_of("binarization", binarization, ("static", "dynamic"))
    name = str(name)
    if name.endswith(".npz"):
        grey, image_shape = _read_npz(pathlib.Path(name))
    elif checks.one_of("name", name, list_datasets()) == "digits":
        grey, image_shape = _digits()
    else:
        grey, image_shape = _read_tfds(*_TFDS[name], data_dir, manual_dir)
    binary = all(set(np.unique(x)) <= {0, 1} for x in grey.values())
    if binary:
        if binarization == "dynamic":
            raise ValueError(
                f"The images of {name} are binary: there is nothing to draw again in each epoch. "
                "Received: binarization='dynamic'"
            )
        splits = {split: x.astype(np.uint8) for split, x in grey.items()}
        return Dataset(name, **splits, image_shape=image_shape)
    splits = {
        split: x if split == "train" and binarization == "dynamic" else binarize(x, [seed, index])
        for index, (split, x) in enumerate(grey.items())
    }
    return Dataset(name, **splits, image_shape=image_shape, binarization=binarization)


def _digits():
    images = sklearn.datasets.load_digits().images.reshape(-1, 64) / 16.0
    images = images[np.random.default_rng(0).permutation(len(images))].astype(np.float32)
    return {"train": images[:1000], "validation": images[1000:1297], "test": images[1297:]}, (8, 8)


def _read_tfds(tfds_name, splits, highest, data_dir, manual_dir):
    builder = prepared_builder(tfds_name, data_dir, manual_dir)
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
                f"The prepared data of {tfds_name} is damaged; delete it, and it is made again. "
                f"Received: {builder.data_path}: {error.message}"
            ) from error
        arrays[split] = images.numpy().reshape(len(images), -1)
        if arrays[split].max() > highest:
            raise ValueError(
                f"{tfds_name} must have levels 0..{highest}. Received: {arrays[split].max()}"
            )
    return arrays, builder.info.features["image"].shape[:2]


def _read_npz(path):
    if not path.exists():
        raise FileNotFoundError(f"No file of arrays at {path}")
    try:
        # NumPy does not close a file that it opened but cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            splits = {split: arrays[split] for split in _SPLITS}
    except Exception as error:  # a damaged archive can raise any of many errors
        raise ValueError(
            f"{path} must be an .npz file with arrays `train`, `validation` and `test`, "
            f"[N, D] or [N, H, W]. Received: {error}"
        ) from error
    shapes = {x.shape[1:] for x in splits.values()}
    shape = next(iter(shapes))
    if len(shapes) > 1 or len(shape) not in (1, 2) or 0 in shape:
        received = {split: x.shape for split, x in splits.items()}
        raise ValueError(
            f"The arrays of {path} must be [N, D] or [N, H, W], with images of one size. "
            f"Received: {received}"
        )
    image_shape = shape if len(shape) == 2 else _squarest(int(np.prod(shape)))
    width = image_shape[0] * image_shape[1]
    return {split: _levels(x.reshape(-1, width), split) for split, x in splits.items()}, image_shape


def _levels(x, name):
    return x if x.dtype == np.uint8 and x.size else checks.pixels(x, name=name)


def _squarest(width):
    height = next(h for h in range(int(width**0.5), 0, -1) if width % h == 0)
    return height, width // height
