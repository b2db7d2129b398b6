"""Results of finished batches on disk, from which an interrupted evaluation resumes."""

import hashlib
import pathlib

import numpy as np

from air_tf import checked_file, replicated


def folder(backup_dir, arrays, identity):
    """The folder for one evaluation; its name is a hash of all that the results depend on.

    Args:
        backup_dir: folder that may also hold the results of other evaluations.
        arrays: the examples, the weights and so on.
        identity: everything else that matters, as a value with a `repr`.
    """
    digest = hashlib.sha256(repr(identity).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array))
    return pathlib.Path(backup_dir) / digest.hexdigest()[:16]


def outputs(indices, compute, path, strategy=None):
    """Yields `compute(index)`, a list of arrays, for one batch after the other.

    Args:
        indices: the indices of the batches.
        compute: function of an index; not called for a batch that is on disk.
        path: what `folder` returned, or None to keep nothing.
        strategy: the `tf.distribute.Strategy` that divides up the batches, or None.
    """
    finished = {} if path is None else read(path)
    writes = path is not None
    if writes and strategy is not None:
        replicated.require_same(strategy, sorted(finished), f"finished batches in {path}")
        writes = strategy.extended.should_checkpoint
    for index in indices:
        if index not in finished:
            finished[index] = compute(index)
            if writes:
                write(path, index, finished[index])
        yield finished.pop(index)


def read(path):
    """{index: outputs} of the batches on disk; damaged files are deleted."""
    found = {}
    for file in sorted(path.glob("*.npz")):
        arrays = checked_file.read(file)
        if arrays is None:
            file.unlink()  # the batch is evaluated again
        else:
            found[int(file.name.partition("-")[0])] = [arrays[str(i)] for i in range(len(arrays))]
    return found


def write(path, index, results):
    """Writes the outputs of a batch, arrays `[B, ...]`, to disk."""
    checked_file.write(path, f"{index:08d}", {str(i): array for i, array in enumerate(results)})


def write_last(path, index, results):
    """Writes results that take the place of those with a lower index."""
    before = list(path.glob("*.npz"))
    write(path, index, results)
    for file in before:
        file.unlink()
