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
        difference: as it is to be read.
        verdict: one of `VERDICTS`.
        means: the difference of each seed, positive where the answer is as the claim has it.
        besides: whether the question is none of the claim's own.
        note: why the comparison does not count; empty if it does.
    """

    question: str
    pair: str
    difference: str
    verdict: str
    means: list
    besides: bool = False
    note: str = ""


def of(mean, margin):
    """The verdict on the claim that a mean is positive, which is known but for a margin."""
    if mean > margin:
        return "holds"
    return "does not hold" if mean < -margin else "undecided"


def of_estimate(question, pair, difference, means=None, sign=1, **options):
    """The `Comparison` by an `Estimate` that is claimed to have this sign.

    Args:
        means: the difference of each seed; of one seed if None.
        **options: of `Comparison`.
    """
    means = [sign * mean for mean in ([difference.mean] if means is None else means)]
    margin = _with_seeds(max(NEGLIGIBLE, 2 * difference.standard_error), means)
    verdict = of(sign * difference.mean, margin)
    return Comparison(question, pair, str(difference), verdict, means, **options)


def of_seeds(question, pair, values, sign=1, threshold=0.0, **options):
    """The `Comparison` by {seed: number}, claimed to lie beyond a threshold in this direction.

    The numbers have no errors of their own, so that one seed decides nothing.
    """
    means = [sign * (value - threshold) for value in values.values()]
    margin = _with_seeds(NEGLIGIBLE, means) if len(means) > 1 else np.inf
    verdict = of(np.mean(means), margin)
    return Comparison(question, pair, over_seeds(values), verdict, means, **options)


def over_seeds(values):
    """The mean over {seed: value}; one seed has no standard error."""
    estimate = Estimate(np.array(list(values.values())))
    return str(estimate) if len(values) > 1 else f"{estimate.mean:.2f}"


def of_all(verdicts):
    """The one verdict of several: that of each if all agree, else undecided."""
    found = set(verdicts)
    return found.pop() if len(found) == 1 else "undecided"


def _with_seeds(margin, means):
    """A margin, or half the 95 % interval of the mean over several seeds, if that is wider."""
    n = len(means)
    if n < 2:
        return margin
    error = np.std(means, ddof=1) / np.sqrt(n)
    return max(margin, scipy.stats.t.ppf(0.975, n - 1) * error)
