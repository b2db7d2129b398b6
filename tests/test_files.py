"""Files and folders are written whole or not at all."""

import errno
import os

import numpy as np
import pytest

from air_tf import files


def test_what_is_written_is_read(tmp_path):
    files.write_json(tmp_path / "a.json", {"a": [1, 2.5, None]})
    assert files.read_json(tmp_path / "a.json") == {"a": [1, 2.5, None]}
    files.write_text(tmp_path / "a.txt", "σ\nH")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "σ\nH\n"
    files.write_arrays(tmp_path / "a.npz", {"a": np.arange(3)})
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["a"], np.arange(3))
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "a.txt", "a.npz"}


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must hold a\.json. Received: "):
        files.read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"a": ')
    with pytest.raises(ValueError, match=r"a\.json must be JSON. Received: "):
        files.read_json(tmp_path / "a.json")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_an_error_leaves_the_old_file_alone(error, function, tmp_path, monkeypatch):
    def fail(*arguments):
        raise error

    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(type(error)):
            files.write_text(path, "new")
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]
    files.write_text(path, "new")
    assert path.read_text() == "new\n"


def test_a_folder_and_what_a_kill_left_of_it(tmp_path):
    path = tmp_path / "model"
    (tmp_path / ".model.tmp").mkdir()
    (tmp_path / ".model.tmp" / "half").touch()
    with files.whole(path) as unfinished:
        unfinished.mkdir()
        files.write_text(unfinished / "a.txt", "a")
        assert not path.exists()
    assert [file.name for file in path.iterdir()] == ["a.txt"]
    assert list(tmp_path.iterdir()) == [path]
