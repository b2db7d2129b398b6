"""Trained models that come with a checkout, checked against their hashes before they are loaded."""

import pathlib

import keras

from air_tf import checks, checksums, files

CARD, HASHES, MODEL = "card.json", checksums.HASHES, "model.keras"
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
    found = {file.parent for name in (CARD, HASHES, MODEL) for file in folder.glob(f"*/*/{name}")}
    return sorted(str(p.relative_to(folder)) for p in found if p.suffix != files.UNFINISHED)


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
    return files.read_json(path / CARD)


def verify(path):
    """Checks that a model's folder is whole, and as it was published.

    Raises:
        ValueError: for a file that is missing or differs, or if there is no card or no list.
    """
    path = pathlib.Path(path)
    for name in (CARD, HASHES):
        if not (path / name).exists():
            raise ValueError(f"A published model must have {name}. Received: {path}")
    checksums.check_hashes(path)


def _path(name, folder):
    folder = pathlib.Path(folder or FOLDER)
    known = list_pretrained(folder)
    if not known:
        raise ValueError(
            f"There are no trained models in {folder}; they come with a checkout of the "
            f"repository, not with the installed package. Received: name={name!r}"
        )
    return folder / checks.one_of("name", name, known)
