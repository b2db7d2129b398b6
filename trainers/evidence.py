"""What the records of a study say about each claim of the paper, as comparisons.

Each function takes a `Study` and its {cell: `CellRecord`} and yields `Comparison`s.
"""

import itertools

import numpy as np

from air_tf.evaluation import Estimate
from trainers import curves, records, verdicts
from trainers.verdicts import Comparison


def against_plain(question, quantity, sign, besides=False):
    """Each regularized model, and their mean, against the plain one of the same k and variant."""

    def evidence(plan, cells):
        pairs = []
        for name, cell in cells.items():
            planned, plain = plan.cells[name], cells.get(plan.plain(name))
            # Trained past their end, but of the same best epoch: the models of the base again.
            is_again = planned.training.get("num_monte_carlo_samples") == 1
            if planned.row == plan.plain_row or is_again or plain is None:
                continue
            if cell.shared_seeds(plain):
                options = {"besides": besides, "note": _of_variant(planned)}
                pair = f"{name} − {plan.plain(name)}"
                yield _of_cells(question, pair, cell, plain, quantity, sign, **options)
                pairs += [(cell, plain)] if planned.variant is None else []
        yield from _of_mean(f"{question} in the mean over models", pairs, quantity, sign)

    return evidence


def _of_cells(question, pair, cell, other, quantity, sign=1, **options):
    difference, means = cell.minus(other, quantity), cell.minus_by_seed(other, quantity)
    return verdicts.of_estimate(question, pair, difference, means, sign, **options)


def _of_mean(question, pairs, quantity, sign):
    """The mean over pairs of cells, whose seeds are independent, of the seeds that all have."""
    seeds = [set(cell.shared_seeds(other)) for cell, other in pairs]
    seeds = sorted(set.intersection(*seeds)) if len(pairs) > 1 else []
    if seeds:
        of_seeds = [
            np.mean([cell.minus(other, quantity, [seed]).per_example for cell, other in pairs], 0)
            for seed in seeds
        ]
        difference = Estimate(np.mean(of_seeds, axis=0))
        words, means = f"{len(pairs)} models", [values.mean() for values in of_seeds]
        yield verdicts.of_estimate(question, words, difference, means, sign, besides=True)


def from_overfitting_to_underfitting(plan, cells):
    """The strength that the search chose against none and against the strongest."""
    for bound, title, besides in _BOUNDS:
        for curve in curves.against_strength(plan, cells, bound):
            at = f"{curve.cell} at {records.STRENGTHS[curve.hyperparameter]} = "
            at += f"{curve.strengths[curve.best]:g}"
            best, note = curve.differences[curve.best], _of_variant(plan.cells[curve.cell])
            is_reference = curve.best == 0 and curve.reference == curves.WEAKEST
            yield verdicts.of_estimate(
                f"{title} is above that without regularization",
                f"{at} − {curve.reference}",
                best,
                besides=besides,
                note="the weakest is chosen" if is_reference else note,
            )
            yield verdicts.of_estimate(
                f"{title} is above that at the strongest",
                f"{at} − at {curve.strengths[-1]:g}",
                best - curve.differences[-1],
                besides=besides,
                note=note,
            )


def larger_k(plan, cells):
    """What the strongest regularizer costs, and the strength that is chosen, for pairs of k."""
    for bound, title, besides in _BOUNDS:
        rows = {}
        for curve in curves.against_strength(plan, cells, bound):
            cell = plan.cells[curve.cell]
            rows.setdefault((cell.row, cell.variant, curve.hyperparameter), []).append(curve)
        for (_, _, key), of_row in rows.items():
            for smaller, larger in itertools.combinations(of_row, 2):
                pair, symbol = f"{larger.cell} against {smaller.cell}", records.STRENGTHS[key]
                note = _of_other_length(cells[larger.cell].search, cells[smaller.cell].search)
                losses = [c.differences[c.best] - c.differences[-1] for c in (smaller, larger)]
                shared = min(len(loss.per_example) for loss in losses)  # the first images, as many
                losses = [Estimate(loss.per_example[:shared]) for loss in losses]
                yield verdicts.of_estimate(
                    f"{title} loses less from the chosen strength to the strongest at the larger k",
                    f"{pair}, {symbol}",
                    losses[0] - losses[1],
                    besides=besides,
                    note=note,
                )
                if not besides:  # validation images choose, whatever the bound on test images
                    best = [curve.strengths[curve.best] for curve in (smaller, larger)]
                    change = curves.severity(key, best[1]) - curves.severity(key, best[0])
                    yield Comparison(
                        "the chosen strength is stronger at the larger k",
                        pair,
                        f"{symbol} from {best[0]:g} to {best[1]:g}",
                        verdicts.of(change, 0),
                        [change],
                        note=note,
                    )


def dvae_against_wni(plan, cells):
    """Noise against caps, at each k; a difference of either sign will do."""
    for k in plan.num_importance_samples:
        names = [plan.name_of(row, k) for row in ("dvae", "wni_vae")]
        pair = [cells[name] for name in names if name in cells]
        if len(pair) == 2 and pair[0].shared_seeds(pair[1]):
            for quantity, title in (("log_likelihood", "log p(x)"), ("inference_gap", "the gap")):
                sign = np.sign(pair[0].minus(pair[1], quantity).mean)
                words = " − ".join(names)
                yield _of_cells(f"{title} differs", words, *pair, quantity, sign)


def large_encoder(plan, cells):
    """A larger encoder against the normal one."""
    for name, cell in cells.items():
        planned = plan.cells[name]
        base = cells.get(planned.base)
        if planned.variant == "large_encoder" and base is not None and cell.shared_seeds(base):
            pair = f"{name} − {planned.base}"
            yield _of_cells("log p(x) is lower", pair, cell, base, "log_likelihood", -1)
            yield _of_cells("the gap is higher", pair, cell, base, "inference_gap")


def iw_svi(plan, cells):
    """The two estimates of log p(x) of the same models, so that only images are sampled."""
    for name, cell in cells.items():
        if cell.finals:
            estimates = [cell.estimate(bound) for bound in records.CURVES]
            difference = estimates[0] - estimates[1]
            of_seeds = zip(*(cell.seed_means(bound) for bound in records.CURVES), strict=True)
            yield Comparison(
                "IW-SVI is above IWAE-5000 by a tenth of a nat",
                name,
                str(difference),
                verdicts.of(difference.mean - 0.1, 2 * difference.standard_error),
                [high - low - 0.1 for high, low in of_seeds],
                note=_of_variant(plan.cells[name]),
            )


def more_samples(plan, cells):
    """How far the validation ELBO ends below its best, with m Monte Carlo samples."""
    losses = {}
    for base, m, _, elbos in curves.over_training(plan, cells):
        loss = {seed: max(of_seed) - of_seed[-1] for seed, of_seed in elbos.items()}
        losses.setdefault(base, {})[m] = loss
    for base, by_m in losses.items():
        plain = plan.plain(base)
        fewest, *more = sorted(by_m)
        for m in more if base == plain else ():
            question = "with more samples the VAE's ELBO ends further below its best"
            text = f"{base}: {verdicts.over_seeds(by_m[m])} at m = {m}, "
            text += f"{verdicts.over_seeds(by_m[fewest])} at m = {fewest}"
            yield from _of_losses(question, text, by_m[m], by_m[fewest])
        for m in more if base != plain else ():
            question = "the DVAE's ends within a tenth of a nat of its best"
            text = f"{base}, m = {m}"
            yield verdicts.of_seeds(question, text, by_m[m], sign=-1, threshold=0.1)
            text = f"{base} against {plain}, m = {m}"
            others = losses.get(plain, {}).get(m, {})
            question = "the DVAE's ends less far below its best than the VAE's"
            yield from _of_losses(question, text, others, by_m[m], besides=True)


def _of_losses(question, pair, of_seeds, others, **options):
    """One comparison, of the seeds that both have; none without any."""
    shared = sorted(of_seeds.keys() & others.keys())
    if shared:
        differences = {seed: of_seeds[seed] - others[seed] for seed in shared}
        yield verdicts.of_seeds(question, pair, differences, **options)


def _of_variant(planned):
    return "a variant" if planned.variant else ""


def _of_other_length(*searches):
    """Why two searches are not to be compared: the one has more steps than the other."""
    configs = [search["config"] for search in searches]
    steps = [config["epochs"] / config["batch_size"] for config in configs]
    ratio = steps[0] / steps[1]
    return "" if 0.9 < ratio < 1.1 else f"of {ratio:.2g} times the steps"


# The bound, its name, and whether it is another than the claims speak of.
_BOUNDS = [(bound, title, bound != "log_likelihood") for bound, title in records.CURVES.items()]
