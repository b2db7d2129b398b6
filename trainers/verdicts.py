"""Whether numbers of a study bear a claim out: holds, does not hold, or undecided."""

import re

import numpy as np
import scipy.stats

from air_tf.evaluation import Estimate

RULE = """A difference counts if it is beyond two standard errors over images and, with several
seeds, beyond the 95 % interval (Student's t) of their means. Of one seed that is said: another
training may differ by more. Strengths are those that the validation images choose. A claim holds
here, or does not, if every comparison below says so; the digits, none of the paper's data sets, are
left out of that. Trainings are counted besides, not judged: several share the plain model that they
are compared with."""
_DIGITS = "digits"
_VERDICTS = ("holds", "does not hold", "undecided")


def in_short(found):
    """The verdict on a claim, of {study: texts that each have one or two}."""
    texts = [text for name, of_study in found.items() if name != _DIGITS for text in of_study]
    verdicts = re.findall("|".join(_VERDICTS), "\n".join(texts))
    counts = {verdict: verdicts.count(verdict) for verdict in _VERDICTS if verdict in verdicts}
    if not counts:
        return "Undecided here: its cells are not run yet."
    if len(counts) == 1:
        return f"{verdicts[0].capitalize()} here."
    return f"Undecided here: {', '.join(f'{v} in {n}' for v, n in counts.items())}."


def of(mean, margin):
    """The verdict on the claim that a mean is positive, which is known but for a margin."""
    if mean > margin:
        return "holds"
    return "does not hold" if mean < -margin else "undecided"


def of_one_seed(difference):
    """A difference of one seed with the verdict on the claim that it is positive."""
    return _judged(difference, difference.mean, 2 * difference.standard_error, 1)


def of_difference(cell, other, quantity, sign=1):
    """A cell's difference to another with the verdict on the claim that it has this sign."""
    difference, means = cell.minus(other, quantity), cell.minus_by_seed(other, quantity)
    # The half-width of one seed is NaN, which fmax passes over.
    margin = np.fmax(2 * difference.standard_error, _half_width(means))
    return _judged(difference, sign * difference.mean, margin, len(means))


def of_seeds(values):
    """The mean over {seed: value} with the verdict on the claim that it is positive."""
    means = list(values.values())
    return _judged(over_seeds(values), np.mean(means), _half_width(means), len(means))


def over_seeds(values):
    """The mean over {seed: value}; one seed has no standard error."""
    estimate = Estimate(np.array(list(values.values())))
    return str(estimate) if len(values) > 1 else f"{estimate.mean:.2f}"


def _judged(text, mean, margin, num_seeds):
    seeds = "one seed" if num_seeds == 1 else f"{num_seeds} seeds"
    return f"{text}, {of(mean, margin)} ({seeds})"


def _half_width(means):
    """Half the 95 % interval of the mean over seeds; NaN for one, about which nothing is known."""
    n = len(means)
    if n < 2:
        return float("nan")
    return scipy.stats.t.ppf(0.975, n - 1) * np.std(means, ddof=1) / np.sqrt(n)
