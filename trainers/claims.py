"""The claims of the paper, each against the records: holds, does not hold, or undecided here."""

import itertools

import numpy as np

from air_tf.evaluation import Estimate
from trainers import curves, records, verdicts


def assess(studies):
    """Markdown, one item a claim.

    Args:
        studies: {name: (`Study`, {cell: `CellRecord`})}.
    """
    lines = [verdicts.RULE, ""]
    for number, (claim, evidence) in enumerate(_CLAIMS.items(), 1):
        found = {name: list(evidence(*study)) for name, study in studies.items()}
        lines.append(f"{number}. **{claim}** {verdicts.in_short(found)}")
        lines += [f"   * {name}: {line}." for name, texts in found.items() for line in texts]
    return "\n".join(lines)


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
                lines.append(f"{name}: {verdicts.of_difference(cell, plain, quantity, sign)}")
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
            f"by {verdicts.of_one_seed(best)}; above the strongest, {curve.strengths[-1]:g}, by "
            f"{verdicts.of_one_seed(best - curve.differences[-1])}"
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
            less = verdicts.of_one_seed(losses[0] - losses[1])
            yield (
                f"{larger.cell} loses less at the strongest {records.STRENGTHS[key]} than "
                f"{smaller.cell}, by {less}; the best goes from {best[0]:g} to {best[1]:g}, "
                f"{verdicts.of(change, 0)}"
            )


def _dvae_against_wni(plan, cells):
    for k in plan.num_importance_samples:
        names = [plan.name_of(row, k) for row in ("dvae", "wni_vae")]
        pair = [cells[name] for name in names if name in cells]
        if len(pair) == 2 and pair[0].shared_seeds(pair[1]):
            for quantity, title in (("log_likelihood", "log p(x)"), ("inference_gap", "gap")):
                sign = np.sign(pair[0].minus(pair[1], quantity).mean)  # either will do
                text = verdicts.of_difference(*pair, quantity, sign)
                yield f"{title} of {names[0]} − {names[1]}: {text}"


def _large_encoder(plan, cells):
    for name, cell in cells.items():
        planned = plan.cells[name]
        base = cells.get(planned.base)
        is_large = planned.variant == "large_encoder"
        if is_large and base is not None and cell.shared_seeds(base):
            log_likelihood = verdicts.of_difference(cell, base, "log_likelihood", -1)
            gap = verdicts.of_difference(cell, base, "inference_gap")
            yield f"{name} − {planned.base}: log p(x) {log_likelihood}; inference gap {gap}"


def _iw_svi(plan, cells):
    for name, cell in cells.items():
        if cell.finals:
            log_likelihood = cell.estimate("log_likelihood")
            difference = log_likelihood - cell.estimate("importance_log_likelihood")
            clearly = verdicts.of(difference.mean - 0.1, 2 * difference.standard_error)
            yield f"{name}: {difference}, {clearly}"


def _more_samples(plan, cells):
    losses = {}
    for base, m, _, elbos in curves.over_training(plan, cells):
        loss = {seed: max(of_seed) - of_seed[-1] for seed, of_seed in elbos.items()}
        losses.setdefault(base, {})[m] = loss
    for base, by_m in losses.items():
        text = ", ".join(
            f"{verdicts.over_seeds(loss)} (m = {m})" for m, loss in sorted(by_m.items())
        )
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
                parts.append(f"{words} by {verdicts.of_seeds(difference)}")
        yield "; ".join(parts)


def _minus(of_seeds, others):
    """{seed: difference}, of the seeds that both have."""
    return {s: of_seeds[s] - others[s] for s in sorted(of_seeds.keys() & others.keys())}


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
