"""The claims of the paper, each against the records: holds, does not hold, or undecided here."""

import itertools
import re

import numpy as np
import scipy.stats

from air_tf.evaluation import Estimate
from trainers import curves, records

_RULE = """A difference counts if it is beyond two standard errors over images and, with several
seeds, beyond the 95 % interval (Student's t) of their means. Of one seed that is said: another
training may differ by more. Strengths are those that the validation images choose. A claim holds
here, or does not, if every comparison below says so; the digits, none of the paper's data sets, are
left out of that. Trainings are counted besides, not judged: several share the plain model that they
are compared with."""
_DIGITS = "digits"
_VERDICTS = ("holds", "does not hold", "undecided")


def assess(studies):
    """Markdown, one item a claim.

    Args:
        studies: {name: (`Study`, {cell: `CellRecord`})}.
    """
    lines = [_RULE, ""]
    for number, (claim, evidence) in enumerate(_CLAIMS.items(), 1):
        found = {name: list(evidence(*study)) for name, study in studies.items()}
        lines.append(f"{number}. **{claim}** {_in_short(found)}")
        lines += [f"   * {name}: {line}." for name, texts in found.items() for line in texts]
    return "\n".join(lines)


def _in_short(found):
    """The verdict on a claim, of {study: texts that each have one or two}."""
    texts = [text for name, of_study in found.items() if name != _DIGITS for text in of_study]
    verdicts = re.findall("|".join(_VERDICTS), "\n".join(texts))
    counts = {verdict: verdicts.count(verdict) for verdict in _VERDICTS if verdict in verdicts}
    if not counts:
        return "Undecided here: its cells are not run yet."
    if len(counts) == 1:
        return f"{verdicts[0].capitalize()} here."
    return f"Undecided here: {', '.join(f'{v} in {n}' for v, n in counts.items())}."


def _verdict(mean, margin):
    if mean > margin:
        return "holds"
    return "does not hold" if mean < -margin else "undecided"


def _half_width(means):
    """Half the 95 % interval of the mean over seeds; NaN for one, about which nothing is known."""
    n = len(means)
    if n < 2:
        return float("nan")
    return scipy.stats.t.ppf(0.975, n - 1) * np.std(means, ddof=1) / np.sqrt(n)


def _judged(text, mean, margin, num_seeds):
    seeds = "one seed" if num_seeds == 1 else f"{num_seeds} seeds"
    return f"{text}, {_verdict(mean, margin)} ({seeds})"


def _of_one_seed(difference):
    return _judged(difference, difference.mean, 2 * difference.standard_error, 1)


def _compared(cell, other, quantity, sign=1):
    """The difference to another cell and what it says of the claim that it has this sign."""
    difference, means = cell.minus(other, quantity), cell.minus_by_seed(other, quantity)
    # The half-width of one seed is NaN, which fmax passes over.
    margin = np.fmax(2 * difference.standard_error, _half_width(means))
    return _judged(difference, sign * difference.mean, margin, len(means))


def _against_plain(quantity, sign):
    def evidence(plan, cells):
        lines, differences = [], []
        for name, cell in cells.items():
            plain = cells.get(plan.plain(name))
            planned = plan.cells[name]
            is_plain = planned.row == plan.plain_row
            # Trained past their end, but of the same best epoch: the models of the base again.
            is_again = planned.training.get("num_monte_carlo_samples") == 1
            if not (is_plain or is_again) and plain is not None and cell.shared_seeds(plain):
                lines.append(f"{name}: {_compared(cell, plain, quantity, sign)}")
                differences += cell.minus_by_seed(plain, quantity)
        if lines:
            agreeing = sum(sign * difference > 0 for difference in differences)
            yield (
                f"{'higher' if sign > 0 else 'lower'} than in the plain model of the same seed in "
                f"{agreeing} of {len(differences)} trainings"
            )
            yield from lines

    return evidence


def _by_each_bound(evidence):
    """The same question put to log p(x) by IW-SVI, where searches have it, and to IWAE-5000."""

    def of_bounds(plan, cells):
        for bound, title in records.CURVES.items():
            for line in evidence(plan, list(curves.against_strength(plan, cells, bound))):
                yield f"{title} of {line}"

    return of_bounds


def _overfit_to_underfit(plan, found):
    for curve in found:
        best, symbol = curve.differences[curve.best], records.STRENGTHS[curve.hyperparameter]
        yield (
            f"{curve.cell} at {symbol} = {curve.strengths[curve.best]:g}: above {curve.reference} "
            f"by {_of_one_seed(best)}; above the strongest, {curve.strengths[-1]:g}, by "
            f"{_of_one_seed(best - curve.differences[-1])}"
        )


def _larger_k(plan, found):
    rows = {}
    for curve in found:
        cell = plan.cells[curve.cell]
        rows.setdefault((cell.row, cell.variant, curve.hyperparameter), []).append(curve)
    for (_, _, key), of_row in rows.items():
        for smaller, larger in itertools.pairwise(of_row):
            losses = [c.differences[c.best] - c.differences[-1] for c in (smaller, larger)]
            shared = min(len(loss.per_example) for loss in losses)  # the first images, as many
            losses = [Estimate(loss.per_example[:shared]) for loss in losses]
            best = [curve.strengths[curve.best] for curve in (smaller, larger)]
            change = curves.severity(key, best[1]) - curves.severity(key, best[0])
            yield (
                f"{larger.cell} loses less at the strongest {records.STRENGTHS[key]} than "
                f"{smaller.cell}, by {_of_one_seed(losses[0] - losses[1])}; the best goes from "
                f"{best[0]:g} to {best[1]:g}, {_verdict(change, 0)}"
            )


def _dvae_against_wni(plan, cells):
    for k in plan.num_importance_samples:
        names = [plan.name_of(row, k) for row in ("dvae", "wni_vae")]
        pair = [cells[name] for name in names if name in cells]
        if len(pair) == 2 and pair[0].shared_seeds(pair[1]):
            for quantity, title in (("log_likelihood", "log p(x)"), ("inference_gap", "gap")):
                sign = np.sign(pair[0].minus(pair[1], quantity).mean)  # either will do
                text = _compared(*pair, quantity, sign)
                yield f"{title} of {names[0]} − {names[1]}: {text}"


def _large_encoder(plan, cells):
    for name, cell in cells.items():
        planned = plan.cells[name]
        base = cells.get(planned.base)
        is_large = planned.variant == "large_encoder"
        if is_large and base is not None and cell.shared_seeds(base):
            yield (
                f"{name} − {planned.base}: log p(x) {_compared(cell, base, 'log_likelihood', -1)}; "
                f"inference gap {_compared(cell, base, 'inference_gap')}"
            )


def _iw_svi(plan, cells):
    for name, cell in cells.items():
        if cell.finals:
            log_likelihood = cell.estimate("log_likelihood")
            difference = log_likelihood - cell.estimate("importance_log_likelihood")
            clearly = _verdict(difference.mean - 0.1, 2 * difference.standard_error)
            yield f"{name}: {difference}, {clearly}"


def _more_samples(plan, cells):
    losses = {}
    for base, m, _, elbos in curves.over_training(plan, cells):
        loss = {seed: max(of_seed) - of_seed[-1] for seed, of_seed in elbos.items()}
        losses.setdefault(base, {})[m] = loss
    for base, by_m in losses.items():
        text = ", ".join(f"{_over_seeds(loss)} (m = {m})" for m, loss in sorted(by_m.items()))
        parts = [f"{base}: the validation ELBO ends below its best by {text}"]
        plain = plan.plain(base)
        fewest, *more = sorted(by_m)
        for m in more:
            if base == plain:
                words, difference = f"to m = {m} it grows", _minus(by_m[m], by_m[fewest])
            else:
                words = f"at m = {m} that is less than of {plain}"
                difference = _minus(losses.get(plain, {}).get(m, {}), by_m[m])
            if difference:
                parts.append(f"{words} by {_judged_over_seeds(difference)}")
        yield "; ".join(parts)


def _minus(of_seeds, others):
    """{seed: difference}, of the seeds that both have."""
    return {s: of_seeds[s] - others[s] for s in sorted(of_seeds.keys() & others.keys())}


def _over_seeds(of_seeds):
    """The mean over {seed: value}; one seed has no standard error."""
    estimate = Estimate(np.array(list(of_seeds.values())))
    return str(estimate) if len(of_seeds) > 1 else f"{estimate.mean:.2f}"


def _judged_over_seeds(of_seeds):
    values = list(of_seeds.values())
    return _judged(_over_seeds(of_seeds), np.mean(values), _half_width(values), len(values))


_CLAIMS = {
    "Regularizing the encoder raises test log p(x), at k = 1 and at larger k.": _against_plain(
        "log_likelihood", 1
    ),
    "It lowers the test inference gap.": _against_plain("inference_gap", -1),
    "Test log p(x) against the strength goes from overfitting to underfitting.": _by_each_bound(
        _overfit_to_underfit
    ),
    "Larger k makes over-regularized models underfit less, and the best strength grows with k.": (
        _by_each_bound(_larger_k)
    ),
    "DVAE and WNI-VAE behave differently.": _dvae_against_wni,
    "A larger encoder hurts test log p(x) and the inference gap.": _large_encoder,
    "IW-SVI clearly beats IWAE-5000 as an estimate of log p(x): by a tenth of a nat.": _iw_svi,
    "With more Monte Carlo samples m the VAE overfits on the ELBO, the DVAE does not.": (
        _more_samples
    ),
}
