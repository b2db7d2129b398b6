"""Loads every data set by its name."""

import pathlib

import numpy as np

from air_tf import checks
from air_tf.datasets.binarize import binarize
from air_tf.datasets.dataset import SPLITS, Dataset, check_finite, is_binary

_SPLITS = {split: split for split in SPLITS}
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
_TABLES = ("breast_cancer", "wine", "diabetes")  # scikit-learn's own


def list_datasets():
    """The names that `load` knows.

    Example:
    >>> air_tf.datasets.list_datasets()[0]
    'digits'
    """
    return ["digits", "digits/grey", *_TABLES, *_TFDS]


def load(name, *, data_dir=None, manual_dir=None, binarization="static", seed=0):
    """Loads a data set in three splits.

    | name | observations | train / validation / test |
    |---|---|---|
    | `digits` | scikit-learn's digits, 8×8, binarized; needs no download | 1,000 / 297 / 500 |
    | `digits/grey` | the same digits as levels 0..16, uint8 | 1,000 / 297 / 500 |
    | `breast_cancer` | scikit-learn's table of 30 measurements, standardised | 341 / 114 / 114 |
    | `wine` | scikit-learn's table of 13 measurements, standardised | 107 / 35 / 36 |
    | `diabetes` | scikit-learn's table of 10 measurements, standardised | 265 / 89 / 88 |
    | `binarized_mnist` | Larochelle's static binarization | 50,000 / 10,000 / 10,000 |
    | `mnist` | grey MNIST, binarized | 50,000 / 10,000 / 10,000 |
    | `caltech101_silhouettes` | binary silhouettes | 4,100 / 2,264 / 2,307 |
    | `omniglot28` | Lake's drawings at 28×28, binarized | 23,000 / 1,345 / 8,115 |
    | `omniglot28/burda` | Burda's file, binarized | 23,000 / 1,345 / 8,070 |
    | `PATH.npz` | your own arrays `train`, `validation`, `test`, `[N, *S]` | |

    Measurements have the mean 0 and the standard deviation 1 over the training split; the splits
    are fixed. Images of a name above are `[N, D]`, and `image_shape` is their height and width.

    Your own arrays hold any real numbers, and stay as they are, with one exception: if all of them
    are uint8 or in [0, 1], they are taken for grey levels and binarized like the grey images above;
    `[N, H, W]` then becomes `[N, D]`. Pass binarization="none" to keep such values, too: levels
    0..255 for a discretized logistic likelihood, counts in uint8, proportions. `[N, H, W]`,
    `[N, H, W, 1]` and `[N, H, W, 3]` have an `image_shape`, and so have binarized `[N, D]`: the
    most square one.

    Args:
        name: one of the above.
        data_dir: where TFDS keeps prepared data; TFDS's default if None.
        manual_dir: folder with the original files, for machines without a network.
        binarization: for grey images. "static" draws each pixel once (Bernoulli of its level);
            "dynamic" leaves `train` grey, and `Dataset.training_batches` draws it again in each
            epoch; "none" leaves all splits grey.
        seed: int, for the static draw.

    Returns:
        A `Dataset`.

    Raises:
        ValueError: for an unknown name (with the nearest known one), values that are not real and
            finite, a damaged file, or dynamic binarization of what is not grey.
        FileNotFoundError: for a missing file; it names the file, its source and the folder.

    Example:
    >>> data = air_tf.datasets.load("digits")
    >>> data.train.shape, data.validation.shape, data.test.shape, data.image_shape
    ((1000, 64), (297, 64), (500, 64), (8, 8))
    >>> data = air_tf.datasets.load("wine")
    >>> data.train.shape, data.image_shape
    ((107, 13), None)
    """
    checks.one_of("binarization", binarization, ("static", "dynamic", "none"))
    name = str(name)
    is_grey = binarization != "none"
    if name.endswith(".npz"):
        arrays = _read_npz(pathlib.Path(name))
        is_grey = is_grey and all(map(_are_levels, arrays.values()))
        arrays, image_shape = _as_images(arrays, is_grey)
    elif checks.one_of("name", name, list_datasets()) in _TFDS:
        from air_tf.datasets import tfds_images  # only here: TFDS is slow to import

        arrays, image_shape = tfds_images.read(*_TFDS[name], data_dir, manual_dir)
    elif name == "digits":
        arrays, image_shape = _digits(np.float32(1 / 16)), (8, 8)
    elif name == "digits/grey":
        arrays, image_shape, is_grey = _digits(np.uint8(1)), (8, 8), False
    else:
        arrays, image_shape, is_grey = _table(name), None, False
    if binarization == "dynamic":
        _require_grey(name, arrays, is_grey)
    if not is_grey:
        return Dataset(name, **arrays, image_shape=image_shape, binarization="none")
    if _are_binary(arrays):
        arrays = {split: x.astype(np.uint8) for split, x in arrays.items()}
        return Dataset(name, **arrays, image_shape=image_shape)
    arrays = {
        split: x if split == "train" and binarization == "dynamic" else binarize(x, [seed, index])
        for index, (split, x) in enumerate(arrays.items())
    }
    return Dataset(name, **arrays, image_shape=image_shape, binarization=binarization)


def _are_levels(x):
    return x.dtype == np.uint8 or (x.min() >= 0 and x.max() <= 1)


def _are_binary(arrays):
    return all(is_binary(x).all() for x in arrays.values())


def _require_grey(name, arrays, is_grey):
    if not is_grey:
        raise ValueError(
            "Only grey levels (uint8 0..255 or numbers in [0, 1]) can be drawn again in each "
            f"epoch. Received: binarization='dynamic' for {name}"
        )
    if _are_binary(arrays):
        raise ValueError(
            f"The images of {name} are binary: there is nothing to draw again in each epoch. "
            "Received: binarization='dynamic'"
        )


def _digits(scale):
    """Digits with levels 0..16 times a scale, whose type they get."""
    images = _from_sklearn("digits").images.reshape(-1, 64)
    images = images[np.random.default_rng(0).permutation(len(images))].astype(scale.dtype) * scale
    return _split(images, 1000, 1297)


def _table(name):
    x = _from_sklearn(name).data
    x = x[np.random.default_rng(0).permutation(len(x))]
    splits = _split(x, round(0.6 * len(x)), round(0.8 * len(x)))
    mean, deviation = splits["train"].mean(axis=0), splits["train"].std(axis=0)
    return {split: ((x - mean) / deviation).astype(np.float32) for split, x in splits.items()}


def _from_sklearn(name):
    import sklearn.datasets  # only here: it is slow to import

    return getattr(sklearn.datasets, f"load_{name}")()


def _split(x, *ends):
    return dict(zip(SPLITS, np.split(x, ends), strict=True))


def _read_npz(path):
    if not path.exists():
        raise FileNotFoundError(f"No file of arrays at {path}")
    try:
        # NumPy does not close a file that it opened but cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            splits = {split: arrays[split] for split in SPLITS}
    except Exception as error:  # a damaged archive can raise any of many errors
        raise ValueError(
            f"{path} must be an .npz file with arrays `train`, `validation` and `test`, "
            f"[N, ...]. Received: {error}"
        ) from error
    shapes = {x.shape[1:] for x in splits.values()}
    if len(shapes) > 1 or 0 in next(iter(shapes)):
        received = {split: x.shape for split, x in splits.items()}
        raise ValueError(
            f"The arrays of {path} must be [N, ...], with observations of one shape. "
            f"Received: {received}"
        )
    try:
        for split, x in splits.items():
            check_finite(checks.observations(x, name=split), split)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return splits


def _as_images(arrays, is_grey):
    """The arrays of a user, flat if they are grey images [N, H, W], and the shape of an image."""
    shape = arrays["train"].shape[1:]
    if len(shape) == 1:
        return arrays, _squarest(*shape) if is_grey else None
    if len(shape) == 2 and is_grey:
        arrays = {split: x.reshape(len(x), -1) for split, x in arrays.items()}
    is_image = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))
    return arrays, shape if is_image else None


def _squarest(width):
    height = next(h for h in range(int(width**0.5), 0, -1) if width % h == 0)
    return height, width // height
