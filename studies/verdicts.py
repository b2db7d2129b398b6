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
        value: the difference, as a number.
        verdict: one of `VERDICTS`.
        means: the difference of each seed; positive if the seed supports the claim.
        note: why the comparison does not count; empty if it does.
    """

    question: str
    pair: str
    difference: str
    value: float
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
    return Comparison(question, pair, str(difference), difference.mean, verdict, means, note)


def of_seeds(question, pair, values, sign=1, threshold=0.0):
    """The `Comparison` for {seed: number}; the claim puts them beyond a threshold, on this side.

    The numbers have no standard errors, so one seed decides nothing.
    """
    means = [sign * (value - threshold) for value in values.values()]
    verdict = of(np.mean(means), max(NEGLIGIBLE, half_interval(means)))
    value = np.mean(list(values.values()))
    return Comparison(question, pair, over_seeds(values), value, verdict, means)


def over_seeds(values):
    """The mean over {seed: value}; one seed has no standard error."""
    estimate = Estimate(np.array(list(values.values())))
    return str(estimate) if len(values) > 1 else f"{estimate.mean:.2f}"


def of_all(verdicts):
    """The common verdict of several: undecided if they do not agree."""
    found = set(verdicts)
    return found.pop() if len(found) == 1 else "undecided"


def tally(found):
    """How many of several verdicts are each of `VERDICTS`."""
    return " / ".join(str(found.count(verdict)) for verdict in VERDICTS)


def numbers(comparisons):
    """What the answers to a question come to, as fields of a text.

    Returns:
        "agreeing", "seeds" and "holding", such as "4 of 36": the comparisons and the seeds whose
        difference is on the claimed side, and the comparisons by which the claim holds. "mean" and
        "size": the mean difference and the mean of its size.
    """
    means = [mean for comparison in comparisons for mean in comparison.means]
    values = [comparison.value for comparison in comparisons]
    return {
        "agreeing": _share(np.mean(comparison.means) > 0 for comparison in comparisons),
        "seeds": _share(mean > 0 for mean in means),
        "holding": _share(comparison.verdict == "holds" for comparison in comparisons),
        "mean": np.mean(values),
        "size": np.mean(np.abs(values)),
    }


def _share(truths):
    truths = list(truths)
    return f"{sum(truths)} of {len(truths)}"


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
