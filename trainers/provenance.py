"""Records the code, the packages and the device that made a run."""

import pathlib
import platform
import subprocess

import tensorflow as tf

import air_tf
from air_tf import files, versions

VERSIONS = "versions.json"


def keep_versions(path):
    """Adds the versions that a run uses now to the ones that it used before; returns them.

    Returns:
        {name: version} of the code, Python and the packages, and the device. If other versions were
        used before, "earlier" has a list of them in the same form.
    """
    found = current_versions()
    if (path / VERSIONS).exists():  # an interrupted run started with these
        before = files.read_json(path / VERSIONS)
        earlier = before.pop("earlier", [])
        earlier += [before] if before != found else []
        found |= {"earlier": earlier} if earlier else {}
    files.write_json(path / VERSIONS, found)
    return found


def current_versions():
    """{name: version} of the code, Python and the packages, and the device, as of now."""
    code = {"commit": _commit(), "air_tf": air_tf.__version__}
    return {**code, "python": platform.python_version(), **versions.found(), "device": _device()}


def _commit():
    """The commit of this checkout, and whether it has changes; None without git or a checkout."""
    words = "describe --always --dirty --abbrev=40 --exclude *".split()
    command = ["git", "-C", str(pathlib.Path(__file__).parent), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def _device():
    """The device that trains: the names of the GPUs, or the kind of processor."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    names = [found.get("device_name", "GPU") for found in details]
    return ", ".join(names) or platform.machine()
