"""SHA-256 hashes of files, and lists of the hashes in a folder."""

import hashlib

from air_tf import files

HASHES = "SHA256SUMS"


def sha256(path):
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_hashes(path, hashes=None):
    """Writes the SHA-256 of all files under a folder, as `sha256sum` would.

    Args:
        path: the folder, a `pathlib.Path`.
        hashes: list to write, a file under the folder; its SHA256SUMS if None.
    """
    hashes = hashes or path / HASHES
    found = sorted(file for file in path.rglob("*") if file.is_file() and file != hashes)
    lines = [f"{sha256(file)}  {file.relative_to(path)}" for file in found]
    files.write_text(hashes, "\n".join(lines))


def check_hashes(path, hashes=None):
    """Compares the files of a folder with the list that `write_hashes` wrote.

    Raises:
        ValueError: if a file is missing, changed or not in the list, or if there is no list.
    """
    hashes = hashes or path / HASHES
    if not hashes.exists():
        raise ValueError(f"The folder must have its list of files, {hashes}. Received: {path}")
    lines = hashes.read_text(encoding="utf-8", errors="replace").splitlines()
    digests = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    there = {str(f.relative_to(path)) for f in path.rglob("*") if f.is_file() and f != hashes}
    for name in sorted(there | digests.keys()):
        if name not in there or sha256(path / name) != digests.get(name):
            raise ValueError(
                f"The file must be the one that was published, by its SHA-256 in {hashes.name}. "
                f"Received: {path / name}"
            )
