"""The TFDS builders on dummy data, tested like TFDS's own builders."""

import hashlib
import pathlib
import tempfile
import zipfile
from unittest import mock

import numpy as np
import scipy.io
import tensorflow_datasets as tfds
from PIL import Image

from air_tf.datasets.caltech101_silhouettes import Caltech101Silhouettes
from air_tf.datasets.omniglot28 import Omniglot28

_FOLDER = tempfile.TemporaryDirectory()
_RNG = np.random.default_rng(0)


def _caltech_dummy():
    path = pathlib.Path(_FOLDER.name) / "caltech"
    path.mkdir()
    arrays = {}
    for key, n in (("train", 4), ("val", 3), ("test", 2)):
        arrays[f"{key}_data"] = _RNG.integers(0, 2, (n, 784)).astype("uint8")
        arrays[f"{key}_labels"] = _RNG.integers(1, 102, (1, n)).astype("uint8")
    scipy.io.savemat(path / "caltech101_silhouettes_28_split1.mat", arrays)
    return path


def _lake_dummy():
    """Two zips with one character each, of 20 drawings."""
    path = pathlib.Path(_FOLDER.name) / "lake"
    path.mkdir()
    for zip_name in ("images_background", "images_evaluation"):
        with zipfile.ZipFile(path / f"{zip_name}.zip", "w") as archive:
            for drawing in range(20):
                drawn = Image.fromarray(_RNG.integers(0, 2, (105, 105)).astype(bool))
                with archive.open(f"{zip_name}/A/character01/0001_{drawing:02}.png", "w") as file:
                    drawn.save(file, "png")
    return path


def _burda_dummy():
    path = pathlib.Path(_FOLDER.name) / "burda"
    path.mkdir()
    arrays = {"data": _RNG.random((784, 9)), "testdata": _RNG.random((784, 4))}
    scipy.io.savemat(path / "chardata.mat", arrays)
    return path


CALTECH, LAKE, BURDA = _caltech_dummy(), _lake_dummy(), _burda_dummy()
_CONTENT = (BURDA / "chardata.mat").read_bytes()


class SmallOmniglot28:
    """Makes the builder accept the dummy file and a small validation split."""

    DATASET_CLASS = Omniglot28

    def setUp(self):
        super().setUp()
        for name, value in (
            ("BURDA_BLOB_ID", hashlib.sha1(b"blob %d\0" % len(_CONTENT) + _CONTENT).hexdigest()),
            ("NUM_VALIDATION", 3),
        ):
            self.enter_context(mock.patch.object(Omniglot28, name, value))


class Caltech101SilhouettesTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Caltech101Silhouettes
    EXAMPLE_DIR = str(CALTECH)
    SPLITS = {"train": 4, "validation": 3, "test": 2}
    DL_DOWNLOAD_RESULT = "caltech101_silhouettes_28_split1.mat"


class Omniglot28LakeTest(SmallOmniglot28, tfds.testing.DatasetBuilderTestCase):
    BUILDER_CONFIG_NAMES_TO_TEST = ["lake"]
    EXAMPLE_DIR = str(LAKE)
    SPLITS = {"train": 27, "validation": 3, "test": 10}
    DL_DOWNLOAD_RESULT = ["images_background.zip", "images_evaluation.zip"]


class Omniglot28BurdaTest(SmallOmniglot28, tfds.testing.DatasetBuilderTestCase):
    BUILDER_CONFIG_NAMES_TO_TEST = ["burda"]
    EXAMPLE_DIR = str(BURDA)
    SPLITS = {"train": 6, "validation": 3, "test": 4}
    SKIP_CHECKSUMS = True
    DL_DOWNLOAD_RESULT = "chardata.mat"
