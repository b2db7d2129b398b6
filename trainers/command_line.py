"""Shared code of the command lines: parsing, config files, and errors as one sentence."""

import argparse
import dataclasses
import pathlib
import sys
import typing

import tensorflow as tf
import typeguard
import tyro
import yaml


def parse(config_class, argv=None):
    """Parses the command line into a dataclass; `--config FILE` gives defaults in YAML or JSON."""
    before = argparse.ArgumentParser(add_help=False)
    before.add_argument("--config", type=pathlib.Path)
    known, rest = before.parse_known_args(argv)
    default = None if known.config is None else _read(config_class, known.config)
    return tyro.cli(config_class, args=rest, default=default)


def run(function, config_class, argv=None):
    """Parses, calls, and turns an expected error into a message and exit status 2."""
    try:
        function(parse(config_class, argv))
    except (ValueError, OSError, FloatingPointError, tf.errors.OpError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _read(config_class, path):
    values = typed(config_class, read_yaml(path), str(path))
    for field in dataclasses.fields(config_class):
        if field.name not in values and field.default is dataclasses.MISSING:
            values[field.name] = tyro.MISSING
    return config_class(**values)


def read_yaml(path):
    """The value in a YAML or JSON file.

    Raises:
        ValueError: if the file is neither.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} must be YAML or JSON. Received: {error}") from None


def typed(config_class, values, source="config"):
    """Turns values from JSON or YAML into the types of a dataclass's fields: tuples, dataclasses.

    Raises:
        ValueError: if `values` is not a mapping of the fields to values of their types.
    """
    types = typing.get_type_hints(config_class)
    if not isinstance(values, dict) or not set(values) <= set(types):
        raise ValueError(
            f"{source} must hold a mapping with keys among {sorted(types)}. Received: {values!r}"
        )
    found = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(types[name]):
            found[name] = types[name](**typed(types[name], value, f"{source}: {name}"))
            continue
        found[name] = tuple(value) if isinstance(value, list) else value
        try:
            typeguard.check_type(found[name], types[name])
        except typeguard.TypeCheckError as error:
            raise ValueError(f"{source}: {name} {error}. Received: {name}={value!r}") from None
    return found
