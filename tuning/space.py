"""What a search varies: which hyperparameters, which values of them, and the strengths by default.

With neither a grid nor a range a search takes the strengths of the named model, those that are not
fixed: of σ or the rate of the noise (`noise_stddev`, d in the name) and of the cap H (`max_norm`,
wni in the name) the values of `DEFAULT_GRIDS`, and of both every combination.
"""

import collections.abc
import inspect
import numbers

import numpy as np

import air_tf
from air_tf import checks

DEFAULT_GRIDS = {
    "noise_stddev": (0.05, 0.1, 0.2, 0.4, 0.8),
    "max_norm": (0.5, 1.0, 2.0, 4.0),
}

# What can be searched of any named model, and what a value of it must be.
HYPERPARAMETERS = {
    "noise_stddev": checks.positive,
    "denoising_weight": checks.in_unit_interval,
    "max_norm": checks.positive,
    "learning_rate": checks.positive,
    "num_importance_samples": checks.positive_int,
    "latent_dim": checks.positive_int,
    "encoder_width": checks.positive_int,
    "decoder_width": checks.positive_int,
}

OPTIONS = tuple(n for n in inspect.signature(air_tf.create_model).parameters if n != "name")


def plain(name, value):
    """Returns a number, text or bool of Python, or raises ValueError for anything else."""
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, numbers.Real | str):
        raise ValueError(
            f"A value of the space must be a number, a text or a bool. Received: {name}={value!r}"
        )
    return value


def of_named_models():
    """{name: check} of what can be searched: the hyperparameters, and other plain options."""
    others = set(OPTIONS) - {"input_dim", "input_shape", "encoder_units", "decoder_units", "seed"}
    return {**dict.fromkeys(others, plain), **HYPERPARAMETERS}


def of_function(build):
    """{name: check} of what can be searched of a `build` function; None if it takes any name."""
    parameters = inspect.signature(build).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return {**dict.fromkeys((p.name for p in parameters), plain), "learning_rate": checks.positive}


def checked(grid, ranges, known):
    """Returns both as dicts of tuples, or raises ValueError for what is no space.

    Args:
        grid: {name: values} or None.
        ranges: {name: (low, high)} or None.
        known: {name: check}; None for any names and plain values.
    """
    grid, ranges = (
        {name: _legal(name, values, known) for name, values in (space or {}).items()}
        for space in (grid, ranges)
    )
    for name, values in ranges.items():
        numbers_only = all(not isinstance(value, bool | str) for value in values)
        if len(values) != 2 or not numbers_only or not values[0] < values[1]:
            raise ValueError(f"A range must be (low, high). Received: {name}={values}")
    twice = sorted(grid.keys() & ranges.keys())
    if twice:
        raise ValueError(f"A grid or a range, not both, for one name. Received: {twice}")
    return grid, ranges


def default_grid(model, fixed):
    """The grid of a search that has none: the strengths of a named model.

    Args:
        model: the name.
        fixed: {option: value} of the model; a strength whose value is not None is not searched.

    Raises:
        ValueError: if there is no such strength.

    Example:
    >>> default_grid("dvae_half", {})
    {'noise_stddev': (0.05, 0.1, 0.2, 0.4, 0.8)}
    """
    checks.one_of("model", model, air_tf.list_models())
    has = {"noise_stddev": model.startswith("d"), "max_norm": "wni" in model}
    names = [name for name in DEFAULT_GRIDS if has[name] and fixed.get(name) is None]
    if not names:
        raise ValueError(
            f"The model {model!r} has no strength left to search: give a grid or a range of at "
            "least one hyperparameter (`--grid` or `--range` of the command line). "
            f"Received: grid={{}}, ranges={{}}"
        )
    return {name: DEFAULT_GRIDS[name] for name in names}


def values_for(hp, grid, ranges):
    """{name: value} of a `keras_tuner.HyperParameters`; declares there what it does not have."""
    values = {name: hp.Choice(name, list(choices)) for name, choices in grid.items()}
    for name, (low, high) in ranges.items():
        whole = isinstance(low, int) and isinstance(high, int)
        sampling = "log" if low > 0 else "linear"
        values[name] = (hp.Int if whole else hp.Float)(name, low, high, sampling=sampling)
    return values


def with_units(values, options):
    """The values with a width as that of every hidden layer, of which the options say how many."""
    values = dict(values)
    for network in ("encoder", "decoder"):
        width = values.pop(f"{network}_width", None)
        if width is not None:
            depth = len(options.get(f"{network}_units", (200, 200)))
            values[f"{network}_units"] = (width,) * depth
    return values


def _legal(name, values, known):
    """The values as a tuple of one type; raises ValueError for one that is not legal."""
    check = plain if known is None else known[checks.one_of("hyperparameter", name, known)]
    iterable = isinstance(values, collections.abc.Iterable) and not isinstance(values, str)
    if not iterable or not len(values := list(values)):
        raise ValueError(f"A space must be a sequence of values. Received: {name}={values!r}")
    if check is checks.positive_int:
        values = [int(value) if float(value).is_integer() else value for value in values]
    values = tuple(check(name, value) for value in values)
    kinds = {type(value) for value in values}
    if kinds == {int, float}:
        return tuple(map(float, values))
    if len(kinds) > 1:
        raise ValueError(f"The values of a space must be of one type. Received: {name}={values}")
    return values
