"""Lets only one process at a time work in a folder."""

import contextlib
import fcntl
import os
import warnings


@contextlib.contextmanager
def locked(folder):
    """Locks a folder for this process; the lock ends with the process, even if that is killed.

    If the file system has no locks, it warns instead.

    Args:
        folder: `pathlib.Path`; made if it does not exist.

    Raises:
        ValueError: if another process is at work in the folder.
    """
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ValueError(
            "Only one process at a time may use a folder, and another process is at work in it. "
            f"Received: {folder}"
        ) from None
    except OSError as error:
        warnings.warn(
            f"{folder} cannot be locked ({error}): do not let other processes use it",
            stacklevel=3,
        )
    try:
        yield
    finally:
        os.close(descriptor)
