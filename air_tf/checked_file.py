"""Arrays in files whose names show whether they are damaged."""

import hashlib
import io

import numpy as np

from air_tf import files

DIGITS = 16  # of the digest in a name


def write(directory, name, arrays):
    """Writes NAME-DIGEST.npz, whole or not at all; DIGEST is the digest of the content.

    Args:
        directory: `pathlib.Path`; made if it does not exist.
        name: NAME, the start of the file's name.
        arrays: {name: array}; no array of dtype object.

    Raises:
        OSError: if it cannot write the file; then there is no file.
    """
    content = io.BytesIO()
    np.savez(content, **arrays)
    directory.mkdir(parents=True, exist_ok=True)
    digest = _digest(content.getbuffer())
    files.write_bytes(directory / f"{name}-{digest}.npz", content.getbuffer())


def read(path):
    """The arrays of a file, or None if the file has changed since it was written."""
    content = path.read_bytes()
    if path.stem.rpartition("-")[2] != _digest(content):
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return dict(file)


def _digest(content):
    return hashlib.sha256(content).hexdigest()[:DIGITS]
