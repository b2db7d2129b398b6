"""Writes files whole or not at all."""

import contextlib
import json
import os
import shutil

import numpy as np

UNFINISHED = ".tmp"  # suffix of files that a kill may leave behind


@contextlib.contextmanager
def whole(path):
    """Yields a path beside `path`; at the end, what the caller wrote there replaces `path`.

    A kill, an error or a full disk leaves the old file, or no file if there was none.

    Args:
        path: `pathlib.Path` of a file, or of a folder that is new or empty.
    """
    unfinished = path.with_name(f".{path.name}{UNFINISHED}")
    _remove(unfinished)  # left behind by a kill
    try:
        yield unfinished
        if unfinished.is_file():
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        _remove(unfinished)
        raise


def write_bytes(path, content):
    """Writes bytes to a file."""
    with whole(path) as unfinished:
        unfinished.write_bytes(content)


def write_text(path, text):
    """Writes a text and a newline to a file."""
    write_bytes(path, f"{text}\n".encode())


def write_json(path, value):
    """Writes a value as JSON to a file."""
    write_text(path, json.dumps(value, indent=2))


def write_arrays(path, arrays):
    """Writes {name: array} to a compressed NumPy file."""
    with whole(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_json(path):
    """Reads the value in a JSON file.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if the file is not JSON.
    """
    if not path.exists():
        raise FileNotFoundError(f"The folder must hold {path.name}. Received: {path.parent}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be JSON. Received: {error}") from error


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
