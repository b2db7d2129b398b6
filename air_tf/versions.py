"""Checks the versions of Keras, TensorFlow and TensorFlow Probability at import."""

import importlib.metadata
import re

WANTED = {"tensorflow": (2, 21), "keras": (3, 15), "tensorflow-probability": (0, 25)}


def found():
    """Installed versions of the packages in WANTED, None for a missing one."""
    versions = {}
    for package in WANTED:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def check(versions=None):
    """Raises ImportError unless every package is new enough and Keras runs on TensorFlow.

    Args:
        versions: package → version string or None; the installed ones by default.
    """
    versions = found() if versions is None else versions
    unfit = [
        package
        for package, wanted in WANTED.items()
        if versions[package] is None or _numbers(versions[package]) < wanted
    ]
    wanted = ", ".join(f"{name} ≥ {'.'.join(map(str, v))}" for name, v in WANTED.items())
    received = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    if unfit:
        raise ImportError(f"air_tf needs {wanted}. Received: {received}")
    import keras  # it is installed: the check above passed

    if keras.backend.backend() != "tensorflow":
        raise ImportError(
            "air_tf needs Keras on the TensorFlow backend: set KERAS_BACKEND=tensorflow before "
            f"Keras is imported. Received: backend={keras.backend.backend()!r}"
        )


def _numbers(version):
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
