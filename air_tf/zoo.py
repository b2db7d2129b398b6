"""Trained models that come with a checkout, checked against their hashes before they are loaded."""

import hashlib
import json
import pathlib

import keras

from air_tf import checks

CARD, HASHES, MODEL = "card.json", "SHA256SUMS", "model.keras"
FOLDER = pathlib.Path(__file__).resolve().parents[1] / "saved_models"


def list_pretrained(folder=None):
    """Names `dataset/model` of the trained models, sorted; damaged ones are among them.

    Args:
        folder: where the models are; `saved_models/` of the checkout by default.

    Example:
    >>> air_tf.zoo.list_pretrained(folder="nowhere")
    []
    """
    folder = pathlib.Path(folder or FOLDER)
    files = (file for name in (CARD, HASHES, MODEL) for file in folder.glob(f"*/*/{name}"))
    return sorted({str(file.parent.relative_to(folder)) for file in files})


def load_pretrained(name, folder=None):
    """Loads a trained `VariationalAutoencoder`, after checking every file of it.

    The folder `saved_models/<name>/saved_model` holds the same model for TensorFlow alone, and
    README.md what it was trained on and how well it does.

    Args:
        name: one of `list_pretrained()`, such as "digits/dvae".
        folder: as in `list_pretrained`.

    Raises:
        ValueError: for an unknown name (with the nearest known one), or a file that is not what it
            was when the model was published.
    """
    path = _path(name, folder)
    verify(path)
    return keras.saving.load_model(path / MODEL)


def read_card(name, folder=None):
    """The card of a trained model: data, hyperparameters, results ± standard errors, as a dict.

    Raises:
        ValueError: as `load_pretrained`.
    """
    path = _path(name, folder)
    verify(path)
    return json.loads((path / CARD).read_text(encoding="utf-8"))


def write_hashes(path, hashes=None):
    """Writes the SHA-256 of all files under a folder, as `sha256sum` would.

    Args:
        path: the folder, a `pathlib.Path`.
        hashes: file to write, under the folder; its SHA256SUMS if None.
    """
    hashes = hashes or path / HASHES
    files = sorted(file for file in path.rglob("*") if file.is_file() and file != hashes)
    lines = [f"{sha256(file)}  {file.relative_to(path)}\n" for file in files]
    hashes.write_text("".join(lines), encoding="utf-8")


def check_hashes(path, hashes=None):
    """Compares the files of a folder with what `write_hashes` wrote.

    Raises:
        ValueError: for a file that is missing or differs, or that was not there, or for no list.
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


def verify(path):
    """Checks that a model's folder is whole, and as it was published.

    Raises:
        ValueError: for a file that is missing or differs, or if there is no card or no list.
    """
    path = pathlib.Path(path)
    for name in (CARD, HASHES):
        if not (path / name).exists():
            raise ValueError(f"A published model must have {name}. Received: {path}")
    check_hashes(path)


def _path(name, folder):
    folder = pathlib.Path(folder or FOLDER)
    known = list_pretrained(folder)
    if not known:
        raise ValueError(
            f"There are no trained models in {folder}; they come with a checkout of the "
            f"repository, not with the installed package. Received: name={name!r}"
        )
    return folder / checks.one_of("name", name, known)


def sha256(path):
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
