"""A folder that one process at a time works in."""

import contextlib
import fcntl


@contextlib.contextmanager
def locked(folder):
    """Keeps a folder to this process; its end, by a kill too, gives it free.

    Args:
        folder: `pathlib.Path` of a folder that exists.

    Raises:
        ValueError: if another process is at work in it.
    """
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(
                "A folder is for one process at a time, and another process is at work in it. "
                f"Received: {folder}"
            ) from None
        yield
