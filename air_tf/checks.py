"""Checks at the public boundary: what was expected, then what was received."""

import difflib
import math
import numbers

import numpy as np


def positive_int(name, value):
    """Returns `value` as an int, or raises ValueError unless it is a whole number ≥ 1."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"`{name}` must be an integer of at least 1. Received: {name}={value!r}")
    return int(value)


def _real(name, value, expected, accepts):
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not accepts(value):
        raise ValueError(f"`{name}` must be {expected}. Received: {name}={value!r}")
    return float(value)


def non_negative(name, value):
    """Returns `value` as a float, or raises ValueError unless it is finite and ≥ 0."""
    return _real(name, value, "a finite number of at least 0", lambda v: 0 <= v < math.inf)


def non_negative_or_infinite(name, value):
    """Returns `value` as a float, or raises ValueError unless it is ≥ 0; ∞ is."""
    return _real(name, value, "a number of at least 0", lambda v: v >= 0)


def positive(name, value):
    """Returns `value` as a float, or raises ValueError unless it is finite and > 0."""
    return _real(name, value, "a finite number greater than 0", lambda v: 0 < v < math.inf)


def in_unit_interval(name, value):
    """Returns `value` as a float, or raises ValueError unless it lies in [0, 1]."""
    return _real(name, value, "a number in [0, 1]", lambda v: 0 <= v <= 1)


def one_of(name, value, known):
    """Returns `value`, or raises ValueError with the nearest known name."""
    if value in known:
        return value
    nearest = difflib.get_close_matches(str(value), known, n=1, cutoff=0.0)
    hint = f" (did you mean {nearest[0]!r}?)" if nearest else ""
    raise ValueError(f"`{name}` must be one of {sorted(known)}. Received: {name}={value!r}{hint}")


def observations(x, shape=None, name="x"):
    """Returns `x` as a NumPy array `[N, *shape]` of real numbers, or raises ValueError.

    Args:
        x: array-like of bool, integer or floating type.
        shape: the expected shape of an observation, or None for any.
        name: what the message calls the array.
    """
    sizes = "..." if shape is None else ", ".join(map(str, shape))
    expected = f"`{name}` must be an array [N, {sizes}] of N ≥ 1 examples"
    if not hasattr(x, "__array__") and not isinstance(x, list | tuple):
        keys = (
            f" with the keys {sorted(x)}: take the array out of it" if isinstance(x, dict) else ""
        )
        raise ValueError(f"{expected}. Received: a {type(x).__name__}{keys}")
    x = np.asarray(x)
    fits = x.ndim >= 2 if shape is None else x.shape[1:] == tuple(shape) and x.ndim > 0
    if not fits or x.shape[0] == 0:
        raise ValueError(f"{expected}. Received: {name}.shape={x.shape}")
    if x.dtype.kind not in "buif":
        raise ValueError(f"{expected} of real numbers. Received: {name}.dtype={x.dtype}")
    return x


def values(x, fits, expected, name="x", advice=lambda value: ""):
    """Raises ValueError, with the first value of an array that does not fit, unless all fit.

    Args:
        x: the array.
        fits: booleans of its shape.
        expected: what the array must hold, as text.
        name: what the message calls the array.
        advice: function of the value that returns what the message adds to `expected`.
    """
    if not fits.all():
        index = np.unravel_index(fits.argmin(), x.shape)
        raise ValueError(
            f"`{name}` must hold {expected}{advice(x[index])}. "
            f"Received: {name}[{', '.join(map(str, index))}]={x[index]} (dtype {x.dtype})"
        )
