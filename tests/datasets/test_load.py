import functools
import pathlib
import sys
import types
import typing

import numpy as np
import pytest
import scipy.io
import sklearn.datasets
import tensorflow as tf
import tensorflow_datasets as tfds

from air_tf import datasets
from air_tf.datasets import tfds_images
from air_tf.datasets.omniglot28 import omniglot28_dataset_builder as builder_module
from air_tf.datasets.prepare import prepared_builder

load_module = sys.modules["air_tf.datasets.load"]  # the package has a function of the same name
REAL = pathlib.Path(__file__).parents[3] / "shared" / "data"
needs_real_files = pytest.mark.skipif(not REAL.exists(), reason="the real files are not here")
SPLITS = ("train", "validation", "test")


def test_digits():
    data = datasets.load("digits")
    assert [len(getattr(data, split)) for split in SPLITS] == [1000, 297, 500]
    assert data.image_shape == (8, 8)
    assert all(getattr(data, split).dtype == np.uint8 for split in SPLITS)
    # Each image is drawn from its grey levels: certain pixels (0 and 16) equal the original.
    levels = sklearn.datasets.load_digits().images.reshape(-1, 64)
    order = np.random.default_rng(0).permutation(1797)
    joined = np.concatenate([data.train, data.validation, data.test])
    assert np.all(joined[levels[order] == 0] == 0)
    assert np.all(joined[levels[order] == 16] == 1)
    error = np.sqrt(np.mean(levels / 16 * (1 - levels / 16)) / levels.size)
    assert abs(joined.mean() - levels.mean() / 16) < 4 * error


def test_binarization_is_fixed_by_its_seed():
    a, b, c = (datasets.load("digits", seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a.test, b.test)
    assert np.any(a.test != c.test)


def test_dynamic_binarization_draws_again_in_each_epoch():
    data = datasets.load("digits", binarization="dynamic")
    batches = data.training_batches(300, seed=3)
    first, second = (np.concatenate(list(batches.as_numpy_iterator())) for _ in range(2))
    assert first.shape == (1000, 64)
    assert set(np.unique(first)) == {0, 1}
    assert np.any(first != second)
    again = np.concatenate(list(data.training_batches(300, seed=3).as_numpy_iterator()))
    np.testing.assert_array_equal(first, again)
    error = np.sqrt(0.25 / first.size)
    assert abs(first.mean() - data.train.mean()) < 4 * error


def test_static_training_batches_hold_each_example_once():
    data = datasets.load("digits")
    seen = np.concatenate(list(data.training_batches(300, seed=0).as_numpy_iterator()))
    assert sorted(map(bytes, seen)) == sorted(map(bytes, data.train))


def test_binarize_rejects():
    with pytest.raises(ValueError, match=r"grey levels must be"):
        datasets.binarize(np.array([[2.0]]), seed=0)


def test_npz(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {split: rng.integers(0, 2, (5, 4, 3)) for split in SPLITS}
    np.savez(tmp_path / "mine.npz", **arrays)
    data = datasets.load(tmp_path / "mine.npz")
    assert data.image_shape == (4, 3)
    np.testing.assert_array_equal(data.test, arrays["test"].reshape(5, 12))
    flat = {split: rng.random((5, 12)) for split in SPLITS}
    np.savez(tmp_path / "grey.npz", **flat)
    grey = datasets.load(tmp_path / "grey.npz")
    assert grey.image_shape == (3, 4)
    assert set(np.unique(grey.train)) <= {0, 1}


def test_grey_digits_are_the_digits_before_they_are_drawn():
    grey, drawn = datasets.load("digits/grey"), datasets.load("digits")
    levels = datasets.load("digits", binarization="none")
    for split in SPLITS:
        x = getattr(grey, split)
        assert x.dtype == np.uint8
        np.testing.assert_array_equal(x / 16, getattr(levels, split))
        certain = np.isin(x, (0, 16))
        np.testing.assert_array_equal((x / 16)[certain], getattr(drawn, split)[certain])
    assert (grey.image_shape, grey.binarization) == ((8, 8), "none")
    assert grey.train.max() == 16


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "diabetes"])
def test_tables_are_standardised_on_the_training_split(name):
    data = datasets.load(name)
    original = getattr(sklearn.datasets, f"load_{name}")().data
    splits = [getattr(data, split) for split in SPLITS]
    assert [round(len(x) / len(original), 1) for x in splits] == [0.6, 0.2, 0.2]
    assert (data.train.dtype, data.image_shape, data.binarization) == (np.float32, None, "none")
    np.testing.assert_allclose(data.train.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(data.train.std(axis=0), 1, rtol=1e-5)
    # Each row is there once, up to one affine map of each column.
    joined = np.concatenate(splits)
    spread = joined.std(axis=0), original.std(axis=0)
    for column in range(original.shape[1]):
        a, b = np.sort(joined[:, column]), np.sort(original[:, column])
        expected = a.mean() + (b - b.mean()) * spread[0][column] / spread[1][column]
        np.testing.assert_allclose(a, expected, atol=1e-4)
    np.testing.assert_array_equal(datasets.load(name, seed=5).test, data.test)
    with pytest.raises(ValueError, match=r"Only grey levels .*Received: binarization='dynamic'"):
        datasets.load(name, binarization="dynamic")


def saved(path, x):
    np.savez(path, **dict.fromkeys(SPLITS, x))
    return path


@pytest.mark.parametrize(
    ("x", "image_shape"),
    [
        (np.array([[0, 3, 900], [1, 0, 2]]), None),
        (np.random.default_rng(0).normal(size=(4, 6)), None),
        (np.random.default_rng(0).normal(size=(4, 5, 2)).astype("float32"), (5, 2)),
        (np.random.default_rng(0).normal(size=(4, 5, 3, 1)), (5, 3, 1)),
        (np.random.default_rng(0).normal(size=(4, 5, 3, 3)), (5, 3, 3)),
        (np.random.default_rng(0).normal(size=(4, 5, 3, 2)), None),
        (np.full((4, 5, 3, 2, 2), -7, "int8"), None),
    ],
)
def test_arrays_of_other_values_stay_as_they_are(x, image_shape, tmp_path):
    for binarization in ("static", "none"):
        data = datasets.load(saved(tmp_path / "x.npz", x), binarization=binarization)
        assert (data.image_shape, data.binarization) == (image_shape, "none")
        assert data.train.dtype == x.dtype
        np.testing.assert_array_equal(data.test, x)
    with pytest.raises(ValueError, match=r"Only grey levels .*Received: binarization='dynamic'"):
        datasets.load(tmp_path / "x.npz", binarization="dynamic")


@pytest.mark.parametrize(
    ("shape", "drawn_shape", "image_shape"),
    [
        ((6, 12), (6, 12), (3, 4)),
        ((6, 2, 6), (6, 12), (2, 6)),
        ((6, 2, 6, 1), (6, 2, 6, 1), (2, 6, 1)),
        ((6, 2, 6, 3), (6, 2, 6, 3), (2, 6, 3)),
    ],
)
def test_grey_arrays_of_any_shape_are_drawn_unless_one_says_no(
    shape, drawn_shape, image_shape, tmp_path
):
    grey = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    path = saved(tmp_path / "grey.npz", grey)
    drawn = datasets.load(path)
    assert drawn.train.shape == drawn_shape
    assert (drawn.image_shape, drawn.binarization) == (image_shape, "static")
    assert set(np.unique(drawn.train)) == {0, 1}
    dynamic = datasets.load(path, binarization="dynamic")
    np.testing.assert_array_equal(dynamic.train, grey.reshape(drawn_shape))
    (batch,) = dynamic.training_batches(9, seed=0)
    assert batch.shape == drawn_shape
    kept = datasets.load(path, binarization="none")
    np.testing.assert_array_equal(kept.train, grey)
    assert kept.image_shape == (None if len(shape) == 2 else image_shape)


def test_data_sets_say_what_does_not_fit():
    x = np.zeros((3, 12), "float32")
    make = functools.partial(datasets.Dataset, "mine", x, x)
    assert make(x).image_shape is None
    for image_shape in ((3, 5), (3, 2, 2), (12,)):
        with pytest.raises(ValueError, match=r"`image_shape` must be.*Received: image_shape="):
            make(x, image_shape)
    with pytest.raises(ValueError, match=r"`test` must be an array \[N, 12\]"):
        make(x[:, :5])
    bad = x.copy()
    bad[1, 3] = 0.5
    with pytest.raises(ValueError, match=r"`test` must hold binary.*Received: test\[1, 3\]=0.5"):
        make(bad)
    assert make(bad, binarization="none").test[1, 3] == 0.5
    bad[2, 0] = np.nan
    with pytest.raises(ValueError, match=r"`test` must hold finite.*Received: test\[2, 0\]=nan"):
        make(bad, binarization="none")
    with pytest.raises(ValueError, match=r"can be taken as images\. Received: mine"):
        make(x).as_images()
    assert make(x, (3, 4)).as_images().test.shape == (3, 3, 4, 1)
    assert make(x, (2, 2, 3)).as_images().test.shape == (3, 2, 2, 3)


@pytest.mark.parametrize(
    "arrays",
    [
        {"train": np.zeros((2, 4))},
        {split: np.full((2, 4), np.nan) for split in SPLITS},
        {split: np.full((2, 4), np.inf) for split in SPLITS},
        {split: np.full((2, 4), 1j) for split in SPLITS},
        {split: np.full((2, 4), "1") for split in SPLITS},
        {split: np.zeros((0, 4)) for split in SPLITS},
        {split: np.array([object()]) for split in SPLITS},
        {split: np.zeros(4) for split in SPLITS},
        {split: np.zeros((2, 0)) for split in SPLITS},
        {"train": np.zeros((2, 4)), "validation": np.zeros((2, 4)), "test": np.zeros((4, 2))},
    ],
)
def test_bad_npz(arrays, tmp_path):
    np.savez(tmp_path / "bad.npz", allow_pickle=True, **arrays)
    for binarization in ("static", "none"):
        with pytest.raises(ValueError, match=r"bad\.npz.* must .*Received"):
            datasets.load(tmp_path / "bad.npz", binarization=binarization)


def test_no_npz(tmp_path):
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(ValueError, match=r"must be an \.npz file"):
        datasets.load(tmp_path / "text.npz")
    with pytest.raises(FileNotFoundError, match="No file of arrays"):
        datasets.load(tmp_path / "none.npz")


def test_unknown_name():
    with pytest.raises(ValueError, match="did you mean 'caltech101_silhouettes'"):
        datasets.load("caltech_silhouettes")
    with pytest.raises(ValueError, match="did you mean 'dynamic'"):
        datasets.load("digits", binarization="dynamical")


def test_binary_images_are_not_drawn_again(tmp_path):
    x = np.eye(4, dtype="uint8")
    np.savez(tmp_path / "x.npz", train=x, validation=x, test=x)
    assert datasets.load(tmp_path / "x.npz").binarization == "static"
    with pytest.raises(ValueError, match="Received: binarization='dynamic'"):
        datasets.load(tmp_path / "x.npz", binarization="dynamic")


@pytest.mark.parametrize("name", load_module._TFDS)
def test_missing_manual_file_says_which_from_where_to_which_folder(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"(?s)needs .*\(from http.*manual_dir=.*lacks"):
        datasets.load(name, data_dir=tmp_path / "data", manual_dir=tmp_path)
    assert not (tmp_path / "data").exists()


def test_failed_download_says_what_to_do(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise tfds.download.DownloadError("no network")

    monkeypatch.setattr(tfds.download.DownloadManager, "download", fail)
    with pytest.raises(FileNotFoundError, match=r"(?s)Could not download.*manual_dir"):
        datasets.load("caltech101_silhouettes", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("caltech101_silhouettes", ["caltech101_silhouettes_28_split1.mat"]),
        ("omniglot28/burda", ["chardata.mat"]),
        ("omniglot28", ["omniglot105_packed.npz"]),
        ("omniglot28", ["images_background.zip", "images_evaluation.zip"]),
        ("binarized_mnist", [f"binarized_mnist_{s}.amat" for s in ("train", "valid", "test")]),
    ],
)
@pytest.mark.parametrize("content", [b"", b"damaged", b"PK\x05\x06" + bytes(18)])
def test_damaged_file(name, files, content, tmp_path):
    for file in files:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError, match=r"(?s)damaged.*Received"):
        datasets.load(name, data_dir=tmp_path / "data", manual_dir=tmp_path)
    assert not list((tmp_path / "data").glob("*/*.*.*"))


class SmallImages(tfds.core.GeneratorBasedBuilder):
    """Three black images in each split."""

    VERSION = tfds.core.Version("1.0.0")

    def required_files(self, manual_dir):
        return {}

    def _info(self):
        feature = tfds.features.Image(shape=(28, 28, 1))
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({"image": feature})
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples() for split in SPLITS}

    def _generate_examples(self):
        yield from ((i, {"image": np.zeros((28, 28, 1), "uint8")}) for i in range(3))


def test_another_process_prepares_the_same_data_and_is_faster(tmp_path, monkeypatch):
    generators = SmallImages._split_generators

    def overtaken(builder, dl_manager):
        monkeypatch.setattr(SmallImages, "_split_generators", generators)
        SmallImages(data_dir=tmp_path).download_and_prepare()
        return generators(builder, dl_manager)

    monkeypatch.setattr(SmallImages, "_split_generators", overtaken)
    images = prepared_builder("small_images", tmp_path).as_dataset(split="test")
    assert len(images) == 3
    assert not list(tmp_path.glob("**/incomplete*"))


def test_preparation_fails_by_itself(tmp_path, monkeypatch):
    def full(builder, dl_manager):
        raise OSError("No space left on device")

    monkeypatch.setattr(SmallImages, "_split_generators", full)
    with pytest.raises(OSError, match="No space left"):
        prepared_builder("small_images", tmp_path)


def test_damaged_prepared_data(tmp_path, monkeypatch):
    """Data that TFDS wrote, and that has changed since."""
    data_dir = tmp_path / "data"
    builder = SmallImages(data_dir=data_dir)
    builder.download_and_prepare()
    monkeypatch.setattr(tfds_images, "prepared_builder", lambda *arguments: builder)
    assert datasets.load("caltech101_silhouettes").test.shape == (3, 784)
    (file,) = builder.data_path.glob("*test.tfrecord*")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"prepared data of .* is damaged; delete it.*Received"):
        datasets.load("caltech101_silhouettes")


@needs_real_files
@pytest.mark.slow
def test_real_caltech(tmp_path):
    data = datasets.load("caltech101_silhouettes", data_dir=tmp_path, manual_dir=REAL)
    raw = scipy.io.loadmat(REAL / "caltech101_silhouettes_28_split1.mat")
    for split, key in (("train", "train_data"), ("validation", "val_data"), ("test", "test_data")):
        upright = 1 - raw[key].reshape(-1, 28, 28).transpose(0, 2, 1)
        # TFDS shuffles examples when it writes them.
        expected = sorted(map(bytes, np.ascontiguousarray(upright.reshape(-1, 784))))
        assert sorted(map(bytes, getattr(data, split))) == expected
    means = [getattr(data, split).mean() for split in SPLITS]
    np.testing.assert_allclose(means, [0.449, 0.464, 0.461], atol=5e-4)


@needs_real_files
@pytest.mark.slow
def test_real_omniglot_is_split_as_the_reference(tmp_path):
    builder = prepared_builder("omniglot28/lake", tmp_path, REAL)
    with np.load(REAL / "omniglot28_gray.npz") as reference:
        for split, key in (
            ("train", "train_idx"),
            ("validation", "valid_idx"),
            ("test", "test_idx"),
        ):
            images = builder.as_dataset(split=split, batch_size=-1)["image"].numpy()
            expected = reference["images"][reference[key]]
            assert sorted(map(bytes, images)) == sorted(map(bytes, expected))


@needs_real_files
def test_damaged_packed_drawings(tmp_path):
    with np.load(REAL / "omniglot105_packed.npz") as arrays:
        names, ink = arrays["names"], arrays["ink"].copy()
    ink[5, 7] ^= 1
    np.savez(tmp_path / "omniglot105_packed.npz", names=names, ink=ink)
    with pytest.raises(ValueError, match=r"omniglot105_packed.npz is damaged .*Received"):
        datasets.load("omniglot28", data_dir=tmp_path / "data", manual_dir=tmp_path)


def test_area_average():
    """A target pixel is the mean of the source pixels with centres in its 3.75×3.75 box."""
    ink = np.random.default_rng(0).integers(0, 2, (105, 105))
    weights = np.zeros((28, 105))
    for target in range(28):
        first, end = (int((target + side) * 3.75 + 0.5) for side in (0, 1))
        weights[target, first:end] = 1 / (end - first)
    expected = 255 * weights @ ink @ weights.T
    # Levels are rounded twice, after rows and after columns.
    np.testing.assert_allclose(builder_module._area_average(ink), expected, atol=1.01)


class GreyBuilder:
    """Stands for TFDS's prepared MNIST: grey images, with another level in each split."""

    LEVELS: typing.ClassVar = {"train[:50000]": 64, "train[50000:]": 128, "test": 255}
    info = types.SimpleNamespace(
        features={"image": types.SimpleNamespace(shape=(28, 28, 1))},
    )

    def as_dataset(self, split, batch_size, decoders):
        assert batch_size == -1
        return {"image": tf.fill([20, 28, 28, 1], tf.constant(self.LEVELS[split], tf.uint8))}


def test_mnist_is_split_and_binarized(monkeypatch):
    monkeypatch.setattr(tfds_images, "prepared_builder", lambda *_: GreyBuilder())
    data = datasets.load("mnist")
    assert data.image_shape == (28, 28)
    for split, level in (("train", 64), ("validation", 128), ("test", 255)):
        p, x = level / 255, getattr(data, split)
        assert set(np.unique(x)) <= {0, 1}
        assert abs(x.mean() - p) <= 4 * np.sqrt(p * (1 - p) / x.size)
    dynamic = datasets.load("mnist", binarization="dynamic")
    assert np.all(dynamic.train == 64)
    np.testing.assert_array_equal(dynamic.validation, data.validation)
    grey = datasets.load("mnist", binarization="none")
    assert [int(getattr(grey, split).max()) for split in SPLITS] == [64, 128, 255]
    assert grey.train.dtype == np.uint8
    assert grey.image_shape == (28, 28)
    assert set(np.unique(next(iter(dynamic.training_batches(5, seed=0))))) == {0, 1}
