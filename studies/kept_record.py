"""A record that one command makes, once."""

import dataclasses
import pathlib

from air_tf import files

_FOLDERS = ("data_dir", "manual_dir", "work", "results")  # no number depends on them


def kept_record(config, name, measure):
    """Returns the record of a command, which is made unless there is one of the same options.

    Args:
        config: dataclass of the options, with a folder `results`.
        name: name of the file.
        measure: function of the config that returns the record, without the options.

    Raises:
        ValueError: if there is a record of other options.
    """
    options = {k: v for k, v in dataclasses.asdict(config).items() if k not in _FOLDERS}
    options = {k: list(v) if isinstance(v, tuple) else v for k, v in options.items()}  # as in JSON
    path = pathlib.Path(config.results, name)
    if path.exists() and files.read_json(path)["config"] != options:
        raise ValueError(
            f"A record of other options must not be replaced; move {path}, or give another folder. "
            f"Received: results={config.results!r}"
        )
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(path, {"config": options, **measure(config)})
    return files.read_json(path)
