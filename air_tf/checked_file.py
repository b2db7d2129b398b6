"""Arrays in files that are written whole or not at all, and that tell whether they are damaged."""

import hashlib
import io
import os

import numpy as np

DIGITS = 16  # of the digest in a name


def write(directory, name, arrays):
    """Writes NAME-DIGEST.npz, the digest being that of the content.

    Args:
        directory: `pathlib.Path`; made if need be.
        name: start of the file's name.
        arrays: {name: array}; none of dtype object.

    Raises:
        OSError: if it cannot be written; then there is no file.
    """
    content = io.BytesIO()
    np.savez(content, **arrays)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}-{_digest(content.getbuffer())}.npz"
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def read(path):
    """The arrays of a file, or None if it is not as it was written."""
    content = path.read_bytes()
    if path.stem.rpartition("-")[2] != _digest(content):
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return dict(file)


def _digest(content):
    return hashlib.sha256(content).hexdigest()[:DIGITS]
