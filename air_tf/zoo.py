"""Trained models of a checkout; their hashes are checked before they are loaded."""

import pathlib

import keras

from air_tf import checks, checksums, files

CARD, HASHES, MODEL = "card.json", checksums.HASHES, "model.keras"
FOLDER = pathlib.Path(__file__).resolve().parents[1] / "saved_models"


def list_pretrained(folder=None):
    """Names `dataset/model` of the trained models, sorted; damaged models are listed, too.

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
    """Checks every file of a trained `VariationalAutoencoder`, then loads it.

    The folder `saved_models/<name>/saved_model` holds the same model for TensorFlow alone; its card
    README.md says what the model was trained on and how good it is.

    Args:
        name: one of `list_pretrained()`, such as "digits/dvae".
        folder: as in `list_pretrained`.

    Raises:
        ValueError: for an unknown name (with the nearest known one), or a file that has
            changed since the model was published.
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
    """Checks that a model's folder is complete and has not changed since it was published.

    Raises:
        ValueError: if a file is missing or changed, or if there is no card or no list.
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
            f"{folder} must hold trained models; they come with a checkout of the repository, "
            f"not with the installed package. Received: name={name!r}"
        )
    return folder / checks.one_of("name", name, known)
