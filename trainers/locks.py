"""A folder that one process at a time works in."""

import contextlib
import fcntl
import os
import warnings


@contextlib.contextmanager
def locked(folder):
    """Keeps a folder to this process; its end, by a kill too, gives it free.

    Where the file system knows no locks there is a warning instead.

    Args:
        folder: `pathlib.Path`; made if there is none.

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
