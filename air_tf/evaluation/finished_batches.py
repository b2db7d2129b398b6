"""Results of finished batches on disk, from which an interrupted evaluation goes on."""

import hashlib
import pathlib

import numpy as np

from air_tf import checked_file


def folder(backup_dir, model, x, identity):
    """The folder for one evaluation: named after the hash of all that its results depend on.

    Args:
        backup_dir: folder that may hold the results of other evaluations too.
        model: the `VariationalAutoencoder`.
        x: array `[N, D]`.
        identity: whatever else matters, with a `repr`.
    """
    digest = hashlib.sha256(repr((identity, model.get_config())).encode())
    for array in (x, *model.get_weights()):
        digest.update(np.ascontiguousarray(array))
    return pathlib.Path(backup_dir) / digest.hexdigest()[:16]


def read(path):
    """{index of a batch: its outputs} of the batches that are on disk; damaged ones are deleted."""
    found = {}
    for file in sorted(path.glob("*.npz")):
        arrays = checked_file.read(file)
        if arrays is None:
            file.unlink()  # it is evaluated again
        else:
            found[int(file.name.partition("-")[0])] = [arrays[str(i)] for i in range(len(arrays))]
    return found


def write(path, index, outputs):
    """Keeps the outputs, arrays `[B, ...]`, of a batch."""
    checked_file.write(path, f"{index:08d}", {str(i): array for i, array in enumerate(outputs)})
