"""What a run was made with: the code, the packages and the device."""

import pathlib
import platform
import subprocess

import tensorflow as tf

from air_tf import files, versions

VERSIONS = "versions.json"


def keep_versions(path):
    """Writes the versions that a run uses now beside those that it used before; returns them.

    Returns:
        {name: version} of the code, Python and the packages, and the device; "earlier" has a list
        of the same, if there were others before.
    """
    python = platform.python_version()
    found = {"commit": _commit(), "python": python, **versions.found(), "device": _device()}
    if (path / VERSIONS).exists():  # an interrupted run began with these
        before = files.read_json(path / VERSIONS)
        earlier = before.pop("earlier", [])
        earlier += [before] if before != found else []
        found |= {"earlier": earlier} if earlier else {}
    files.write_json(path / VERSIONS, found)
    return found


def _commit():
    """The commit of this checkout, and whether it was changed; None without git or a checkout."""
    words = "describe --always --dirty --abbrev=40 --exclude *".split()
    command = ["git", "-C", str(pathlib.Path(__file__).parent), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def _device():
    """What trains: the names of the GPUs, or the kind of processor."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    names = [found.get("device_name", "GPU") for found in details]
    return ", ".join(names) or platform.machine()
