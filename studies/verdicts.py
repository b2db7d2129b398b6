"""Whether numbers of a study bear a claim out: holds, does not hold, or undecided."""

import dataclasses

import numpy as np
import scipy.stats

from air_tf.evaluation import Estimate

NEGLIGIBLE = 0.05  # nats
VERDICTS = ("holds", "does not hold", "undecided")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A question of a claim, put to two models.

    Attributes:
        question: in words.
        pair: what is compared, in words.
        difference: as text.
        verdict: one of `VERDICTS`.
        means: the difference of each seed; positive where the seed bears the claim out.
        note: why the comparison does not count; empty if it does.
    """

    question: str
    pair: str
    difference: str
    verdict: str
    means: list
    note: str = ""


def of(mean, margin):
    """The verdict on the claim that a mean is positive, which is known within a margin."""
    if mean > margin:
        return "holds"
    return "does not hold" if mean < -margin else "undecided"


def of_estimate(question, pair, difference, means=None, sign=1, of_one_seed=np.inf, note=""):
    """The `Comparison` by an `Estimate` that is claimed to have this sign.

    Args:
        means: the difference of each seed; of one seed if None.
        of_one_seed: half the 95 % interval over seeds, for a difference of one seed.
        note: of the `Comparison`.
    """
    means = [sign * mean for mean in ([difference.mean] if means is None else means)]
    half = half_interval(means) if len(means) > 1 else of_one_seed
    margin = max(NEGLIGIBLE, 2 * difference.standard_error, half)
    verdict = of(sign * difference.mean, margin)
    return Comparison(question, pair, str(difference), verdict, means, note)


def of_seeds(question, pair, values, sign=1, threshold=0.0):
    """The `Comparison` by {seed: number}, claimed to lie beyond a threshold in this direction.

    The numbers have no errors of their own, so one seed decides nothing.
    """
    means = [sign * (value - threshold) for value in values.values()]
    verdict = of(np.mean(means), max(NEGLIGIBLE, half_interval(means)))
    return Comparison(question, pair, over_seeds(values), verdict, means)


def over_seeds(values):
    """The mean over {seed: value}; one seed has no standard error."""
    estimate = Estimate(np.array(list(values.values())))
    return str(estimate) if len(values) > 1 else f"{estimate.mean:.2f}"


def of_all(verdicts):
    """The one verdict of several: that of each if all agree, else undecided."""
    found = set(verdicts)
    return found.pop() if len(found) == 1 else "undecided"


def half_interval(means):
    """Half the 95 % interval (Student's t) of the mean over seeds; inf of one."""
    return half_interval_of_one([means]) / np.sqrt(len(means))


def half_interval_of_one(groups):
    """The same of one number that varies over seeds as those of each group do; inf if none does."""
    freedom = sum(len(means) - 1 for means in groups)
    if freedom == 0:
        return np.inf
    squares = sum(np.var(means) * len(means) for means in groups)
    return scipy.stats.t.ppf(0.975, freedom) * np.sqrt(squares / freedom)
