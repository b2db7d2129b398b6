"""TFDS builder of OMNIGLOT at 28×28 grey levels."""

import hashlib
import io
import pathlib
import zipfile

import numpy as np
import scipy.io
import tensorflow_datasets as tfds
from PIL import Image

_LAKE_URL = "https://github.com/brendenlake/omniglot/raw/master/python/"
_LAKE_ZIPS = ("images_background.zip", "images_evaluation.zip")
_LAKE_PACKED = "omniglot105_packed.npz"
_BURDA_FILE = "chardata.mat"
_BURDA_URL = f"https://github.com/yburda/iwae/raw/master/datasets/OMNIGLOT/{_BURDA_FILE}"
_DRAWINGS_PER_CHARACTER, _TRAIN_DRAWINGS = 20, 15


class Omniglot28(tfds.core.GeneratorBasedBuilder):
    """Handwritten characters at 28×28 grey levels 0..255, upright, ink bright.

    Config `lake`: the 32,460 drawings of Lake's two zips, reduced from 105×105 by area averaging.
    Of each character's 20 drawings, 15 are for training and 5 for testing. Config `burda`: the file
    of Burda et al. 2015, with its own train and test images. In both, 1,345 training images are
    held out for validation.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name="lake", description="Lake's drawings, area-averaged."),
        tfds.core.BuilderConfig(name="burda", description="chardata.mat of Burda et al. 2015."),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"Config lake: put {_LAKE_ZIPS[0]} and {_LAKE_ZIPS[1]} from {_LAKE_URL} (or "
        f"{_LAKE_PACKED}, the same drawings as packed bits) into the manual directory. "
        f"Config burda: put {_BURDA_FILE} from {_BURDA_URL} there."
    )
    # SHA-256 of the names and bits of the packed drawings; git blob id of chardata.mat.
    PACKED_SHA256 = "1064531e68fd0142b00a7cf915ea5dbba86fe4d4135c59b10be4fef317d22b37"
    BURDA_BLOB_ID = "016a3536ffe5e1d38e42563a18d7a78bfaf643ec"
    NUM_VALIDATION = 1345

    def required_files(self, manual_dir):
        """File name → its source, for the files that `manual_dir` must hold."""
        if self.builder_config.name == "burda":
            return {_BURDA_FILE: _BURDA_URL}
        if manual_dir is not None and (manual_dir / _LAKE_PACKED).exists():
            return {}
        return {name: f"{_LAKE_URL}{name}" for name in _LAKE_ZIPS}

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(28, 28, 1))}),
            homepage="https://github.com/brendenlake/omniglot",
            citation=(
                "@article{lake2015human, author={Lake, Brenden M and Salakhutdinov, Ruslan and "
                "Tenenbaum, Joshua B}, title={Human-level concept learning through probabilistic "
                "program induction}, journal={Science}, year={2015}}"
            ),
        )

    def _split_generators(self, dl_manager):
        manual_dir = pathlib.Path(dl_manager._manual_dir)  # the public property demands files
        if self.builder_config.name == "burda":
            splits = self._burda(dl_manager, manual_dir)
        else:
            splits = self._lake(dl_manager, manual_dir)
        return {name: self._generate_examples(images) for name, images in splits.items()}

    def _generate_examples(self, images):
        for index, image in enumerate(images):
            yield index, {"image": image[:, :, np.newaxis]}

    def _lake(self, dl_manager, manual_dir):
        packed = manual_dir / _LAKE_PACKED
        if packed.exists():
            drawings = _read_packed(packed, self.PACKED_SHA256)
        else:
            drawings = _read_zips(
                dl_manager.download([f"{_LAKE_URL}{name}" for name in _LAKE_ZIPS])
            )
        images = np.stack([_area_average(ink) for ink in drawings])
        # The legacy generator on purpose: seed 0 of RandomState fixes this split for good.
        generator = np.random.RandomState(0)
        train, test = [], []
        for start in range(0, len(images), _DRAWINGS_PER_CHARACTER):
            order = start + generator.permutation(_DRAWINGS_PER_CHARACTER)
            train.extend(order[:_TRAIN_DRAWINGS])
            test.extend(order[_TRAIN_DRAWINGS:])
        train, test = generator.permutation(train), generator.permutation(test)
        held_out = len(train) - self.NUM_VALIDATION
        return {
            "train": images[train[:held_out]],
            "validation": images[train[held_out:]],
            "test": images[test],
        }

    def _burda(self, dl_manager, manual_dir):
        path = manual_dir / _BURDA_FILE
        content = (path if path.exists() else dl_manager.download(_BURDA_URL)).read_bytes()
        blob_id = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        _check_digest(path.name, "git blob id", self.BURDA_BLOB_ID, blob_id)
        arrays = scipy.io.loadmat(io.BytesIO(content), variable_names=["data", "testdata"])
        train, test = (
            np.rint(255 * arrays[key].T).astype("uint8").reshape(-1, 28, 28).transpose(0, 2, 1)
            for key in ("data", "testdata")
        )
        train = train[np.random.default_rng(0).permutation(len(train))]
        held_out = len(train) - self.NUM_VALIDATION
        return {"train": train[:held_out], "validation": train[held_out:], "test": test}


def _read_packed(path, sha256):
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names, ink = arrays["names"], arrays["ink"]
    except Exception as error:  # a damaged archive can raise any of many errors
        raise ValueError(f"The file {path.name} is damaged. Received: {error}") from error
    digest = hashlib.sha256("\n".join(names.tolist()).encode() + b"\n" + ink.tobytes())
    _check_digest(path.name, "SHA-256 of its drawings", sha256, digest.hexdigest())
    return np.unpackbits(ink, axis=1)[:, : 105 * 105].reshape(-1, 105, 105)


def _read_zips(paths):
    for path in paths:  # first background, then evaluation, each in the order of its names
        with zipfile.ZipFile(path) as archive:
            for name in sorted(n for n in archive.namelist() if n.endswith(".png")):
                with archive.open(name) as file:
                    yield np.asarray(Image.open(file).convert("1")) == 0  # ink is black


def _area_average(ink):
    return np.asarray(Image.fromarray(ink.astype("uint8") * 255).resize((28, 28), Image.BOX))


def _check_digest(name, kind, expected, received):
    if received != expected:
        raise ValueError(
            f"The file {name} is damaged or a wrong one: its {kind} must be {expected}. "
            f"Received: {received}"
        )
