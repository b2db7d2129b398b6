"""Whether the numbers of a study support a claim: it holds, does not hold, or is undecided."""

import dataclasses

import numpy as np
import scipy.stats

from air_tf.evaluation import Estimate

NEGLIGIBLE = 0.05  # nats
VERDICTS = ("holds", "does not hold", "undecided")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A question of a claim, asked of two models.

    Attributes:
        question: in words.
        pair: the two models, in words.
        difference: the difference, as text.
        verdict: one of `VERDICTS`.
        means: the difference of each seed; positive if the seed supports the claim.
        note: why the comparison does not count; empty if it does.
    """

    question: str
    pair: str
    difference: str
    verdict: str
    means: list
    note: str = ""


def of(mean, margin):
    """The verdict on the claim that a mean is positive, if the mean is known within a margin."""
    if mean > margin:
        return "holds"
    return "does not hold" if mean < -margin else "undecided"


def of_estimate(question, pair, difference, means=None, sign=1, of_one_seed=np.inf, note=""):
    """The `Comparison` for an `Estimate`; the claim gives its sign.

    Args:
        means: the difference of each seed; None if there is one seed.
        of_one_seed: half the 95 % interval over seeds, for a difference of one seed.
        note: note of the `Comparison`.
    """
    means = [sign * mean for mean in ([difference.mean] if means is None else means)]
    half = half_interval(means) if len(means) > 1 else of_one_seed
    margin = max(NEGLIGIBLE, 2 * difference.standard_error, half)
    verdict = of(sign * difference.mean, margin)
    return Comparison(question, pair, str(difference), verdict, means, note)


def of_seeds(question, pair, values, sign=1, threshold=0.0):
    """The `Comparison` for {seed: number}; the claim puts them beyond a threshold, on this side.

    The numbers have no standard errors, so one seed decides nothing.
    """
    means = [sign * (value - threshold) for value in values.values()]
    verdict = of(np.mean(means), max(NEGLIGIBLE, half_interval(means)))
    return Comparison(question, pair, over_seeds(values), verdict, means)


def over_seeds(values):
    """The mean over {seed: value}; one seed has no standard error."""
    estimate = Estimate(np.array(list(values.values())))
    return str(estimate) if len(values) > 1 else f"{estimate.mean:.2f}"


def of_all(verdicts):
    """The common verdict of several: undecided if they do not agree."""
    found = set(verdicts)
    return found.pop() if len(found) == 1 else "undecided"


def half_interval(means):
    """Half the 95 % interval (Student's t) of the mean over seeds; inf for one seed."""
    return half_interval_of_one([means]) / np.sqrt(len(means))


def half_interval_of_one(groups):
    """The same for one number that varies over seeds like each group; inf if all have one seed."""
    freedom = sum(len(means) - 1 for means in groups)
    if freedom == 0:
        return np.inf
    squares = sum(np.var(means) * len(means) for means in groups)
    return scipy.stats.t.ppf(0.975, freedom) * np.sqrt(squares / freedom)
