"""A folder that one process at a time works in."""

import contextlib
import fcntl
import os
import warnings


@contextlib.contextmanager
def locked(folder):
    """Locks a folder for this process; when the process ends, even by a kill, the lock is gone.

    It warns instead where the file system has no locks.

    Args:
        folder: `pathlib.Path`; it is made if there is none.

    Raises:
        ValueError: if another process is at work in it.
    """
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ValueError(
            "A folder is for one process at a time, and another process is at work in it. "
            f"Received: {folder}"
        ) from None
    except OSError as error:
        warnings.warn(
            f"{folder} cannot be locked ({error}): keep other processes off it yourself",
            stacklevel=3,
        )
    try:
        yield
    finally:
        os.close(descriptor)
