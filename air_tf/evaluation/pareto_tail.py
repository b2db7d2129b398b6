"""How heavy the tail of importance weights is."""

import numpy as np

# The tail of k weights is its largest 3√k, or k/5 of few (Vehtari et al. 2024). The fit also needs
# the next weight. Of more than 10,000 weights, the tail has as many as of 10,000.
_MOST_SAMPLES = 10_000
NUM_LARGEST = 301
_FEWEST_SAMPLES = 25  # five in the tail
_ROUNDING = 1e-4  # nats; the same weights differ by so much in float32


def pareto_k(largest: np.ndarray, num_samples: int) -> np.ndarray:
    """Pareto k̂ of importance weights: the shape of a generalized Pareto fit to the largest.

    Weights have about 1/k̂ finite moments. Below 0.5 their mean is reliable, above 0.7 it is not:
    the estimate of log p(x) is then too low, and its standard error says nothing of it (Vehtari,
    Simpson, Gelman, Yao and Gabry 2024, "Pareto smoothed importance sampling").

    Args:
        largest: the largest log weights `[N, NUM_LARGEST]` in any order, or all if they are fewer.
        num_samples: how many weights there were.

    Returns:
        k̂ `[N]`; infinite where most of the tail is 0 beside the largest weights; NaN where it is
        not known: for fewer than 25 weights, or where the largest are all the same.

    Example:
    >>> log_weights = -0.4 * np.log(np.random.default_rng(0).uniform(size=(1, 5000)))
    >>> bool(abs(pareto_k(np.sort(log_weights)[:, -NUM_LARGEST:], 5000)[0] - 0.4) < 0.2)
    True
    """
    shapes = np.full(len(largest), np.nan)
    if num_samples < _FEWEST_SAMPLES:
        return shapes
    largest = np.sort(np.asarray(largest, np.float64), axis=1)
    # Only the tail and the number of weights matter, so that the others need not be known.
    log_weights = np.full(min(num_samples, _MOST_SAMPLES), -np.inf)
    for index, row in enumerate(largest):
        row = row[-len(log_weights) :]
        log_weights[len(log_weights) - len(row) :] = row
        if np.isfinite(row[-1]) and row[-1] - row[0] > _ROUNDING:
            shapes[index] = _fitted(log_weights)
    return shapes


def _fitted(log_weights):
    from arviz_stats.base import array_stats  # it imports SciPy, which takes a second

    try:
        with np.errstate(divide="raise", invalid="raise"):
            # ArviZ takes log likelihoods, whose weights are the inverse.
            return array_stats.psislw(-log_weights)[1]
    except FloatingPointError:  # beside the largest weights, most of the tail is 0
        return np.inf
