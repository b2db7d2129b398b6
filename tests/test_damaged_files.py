"""Every reader gives a clear error for files that are cut, changed in a bit, or wrong."""

import dataclasses
import json
import shutil

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest

import air_tf
from air_tf import checked_file, checksums, files
from tests.conftest import untrained_run
from tests.properties import SETTINGS
from trainers import evaluate, export, run_folder
from trainers.train_config import TrainConfig
from tuning.search_config import SearchConfig

# The errors that command lines turn into one sentence.
ERRORS = (ValueError, OSError)
SPLITS = ("train", "validation", "test")


def damage(content, kind, at):
    """The content, cut, changed in a bit, or replaced; `at` in [0, 1) is the place."""
    if kind == "cut":
        return content[: int(len(content) * at)]
    if kind == "bit":
        changed = bytearray(content)
        changed[int(len(content) * at)] ^= 1 << int(8 * at)
        return bytes(changed)
    return {"text": b"not a file of this kind", "empty": b"", "zip": ZIP}[kind]


ZIP = b"PK\x05\x06" + bytes(18)  # an archive without members
DAMAGES = st.tuples(
    st.sampled_from(["cut", "bit", "bit", "text", "empty", "zip"]),
    st.floats(0, 1, exclude_max=True),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder whose model was never trained, and its export."""
    path = tmp_path_factory.mktemp("runs") / "run"
    untrained_run(path)
    export.export(export.ExportConfig(str(path), str(path.parent / "exported")))
    return path


def test_a_list_of_hashes_is_looked_at(run, tmp_path):
    """It checks published models; an empty list does not switch the check off."""
    path = shutil.copytree(run, tmp_path / "run")
    (path / checksums.HASHES).write_text("")
    (path / air_tf.zoo.CARD).write_text("{}")
    with pytest.raises(ValueError, match="must be the one that was published"):
        run_folder.load(path)


@hypothesis.settings(SETTINGS, max_examples=30)
@hypothesis.given(damages=DAMAGES, name=st.sampled_from(["model.keras", "config.json"]))
def test_run_folders(run, tmp_path_factory, damages, name):
    path = shutil.copytree(run, tmp_path_factory.mktemp("damaged"), dirs_exist_ok=True)
    content = damage((run / name).read_bytes(), *damages)
    (path / name).write_bytes(content)
    if name == "model.keras":
        with pytest.raises(ERRORS, match=r"model\.keras"):
            run_folder.load(path)
    else:
        try:
            config, _ = run_folder.load(path)
        except ERRORS as error:
            assert str(path) in str(error)  # noqa: PT017
        else:
            expected = json.loads(content)
            assert json.loads(config.to_json()) == {**json.loads(config.to_json()), **expected}


@hypothesis.settings(SETTINGS, max_examples=20)
@hypothesis.given(damages=DAMAGES, index=st.integers(0, 3), hashed=st.booleans())
def test_saved_models(run, tmp_path_factory, damages, index, hashed):
    path = tmp_path_factory.mktemp("damaged")
    shutil.copytree(run.parent / "exported", path, dirs_exist_ok=True)
    if not hashed:
        (path / "assets.extra" / checksums.HASHES).unlink()
    names = ["saved_model.pb", "variables/variables.index", "fingerprint.pb"]
    name = [*names, "variables/variables.data-00000-of-00001"][index]
    (path / name).write_bytes(damage((path / name).read_bytes(), *damages))
    config = evaluate.EvaluateConfig(str(path), num_examples=3, num_samples=2)
    if hashed:
        with pytest.raises(ValueError, match="by its SHA-256"):
            evaluate.evaluate(config)
    else:  # TensorFlow does not notice every change of a graph
        try:
            evaluate.evaluate(config)
        except ERRORS as error:
            assert str(error)  # noqa: PT017


def test_a_model_with_code_in_it_is_not_loaded(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x)])
    files.write_text(tmp_path / "config.json", TrainConfig("digits", "vae", "").to_json())
    model.save(tmp_path / "model.keras")
    metrics = {"model_sha256": checksums.sha256(tmp_path / "model.keras")}
    files.write_json(tmp_path / "metrics.json", metrics)
    with pytest.raises(ValueError, match="safe_mode"):
        run_folder.load(tmp_path)


@SETTINGS
@hypothesis.given(damages=DAMAGES)
def test_arrays(tmp_path_factory, damages):
    path = tmp_path_factory.mktemp("damaged") / "arrays.npz"
    rng = np.random.default_rng(0)
    np.savez(path, **{split: rng.integers(0, 2, (6, 12), np.uint8) for split in SPLITS})
    expected = air_tf.datasets.load(path)
    path.write_bytes(damage(path.read_bytes(), *damages))
    try:
        data = air_tf.datasets.load(path)
    except ERRORS as error:
        assert str(path) in str(error)  # noqa: PT017
    else:  # nothing depends on this bit
        for split in SPLITS:
            np.testing.assert_array_equal(getattr(data, split), getattr(expected, split))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@SETTINGS
@hypothesis.given(
    config_class=st.sampled_from([TrainConfig, SearchConfig]),
    values=JSON
    | st.dictionaries(
        st.sampled_from([field.name for field in dataclasses.fields(SearchConfig)]), JSON
    ),
)
def test_configs(config_class, values):
    values = {"dataset": "digits", "model": "vae", "out": ""} | (
        values if isinstance(values, dict) else {"epochs": values}
    )
    try:
        config = config_class.of_dict(values, "FILE")
    except ValueError as error:
        assert str(error).startswith("FILE")  # noqa: PT017
        assert "Received: " in str(error)  # noqa: PT017
    else:
        assert config_class.of_dict(json.loads(config.to_json())) == config or "nan" in repr(config)


@SETTINGS
@hypothesis.given(damages=DAMAGES)
def test_backups_and_finished_batches(tmp_path_factory, damages):
    folder = tmp_path_factory.mktemp("files")
    checked_file.write(folder, "name", {"array": np.arange(9.0)})
    (path,) = folder.iterdir()
    content = damage(path.read_bytes(), *damages)
    path.write_bytes(content)
    assert checked_file.read(path) is None
