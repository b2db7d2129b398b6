"""Prepares data with TFDS; the error messages say what to do."""

import pathlib

import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError


def prepared_builder(name, data_dir=None, manual_dir=None):
    """A TFDS builder whose data is prepared in `data_dir`.

    Several processes may prepare the same data at once: the data of the first one to end is kept.

    Args:
        name: TFDS name, perhaps with a config.
        data_dir: where TFDS keeps prepared data; TFDS's default if None.
        manual_dir: folder with the original files, which are checked against the registered
            checksums. If None, they are downloaded.

    Raises:
        FileNotFoundError: if a file is missing; it names the file, its source and the folder.
        ValueError: if a file is damaged.
    """
    builder = tfds.builder(name, data_dir=data_dir)
    if builder.is_prepared():
        return builder
    if manual_dir is not None:
        manual_dir = pathlib.Path(manual_dir).expanduser().resolve()
    files = _required_files(builder, manual_dir)
    if manual_dir is not None:
        missing = {file: url for file, url in files.items() if not (manual_dir / file).exists()}
        if missing:
            raise FileNotFoundError(
                f"{name} needs {_listed(missing)} in the manual directory. "
                f"Received: manual_dir={str(manual_dir)!r}, which lacks {', '.join(missing)}"
            )
    try:
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
        )
    except NonMatchingChecksumError as error:
        raise ValueError(
            f"A file of {name} is damaged or a wrong one. Received: {error}"
        ) from error
    except (tfds.download.DownloadError, requests.RequestException) as error:
        raise FileNotFoundError(
            f"Could not download {name}. Put {_listed(files)} into a folder and pass it as "
            f"`manual_dir`. Received: {error}"
        ) from error
    except OSError:
        # TFDS moves the data to its place once it is complete: another process was faster.
        builder = tfds.builder(name, data_dir=data_dir)
        if not builder.is_prepared():
            raise
    return builder


def _required_files(builder, manual_dir):
    """File name → its source; a builder may know more than its checksums say."""
    if hasattr(builder, "required_files"):
        return builder.required_files(manual_dir)
    return {info.filename: url for url, info in builder.url_infos.items()}


def _listed(files):
    return ", ".join(f"{file} (from {url})" for file, url in files.items())
