"""Comparisons from the records of a study, for each claim of the paper.

Each function takes a `Study` and its {cell: `CellRecord`}, all of one version, and yields
`Comparison`s.
"""

import itertools

import numpy as np

from air_tf.evaluation import Estimate
from studies import curves, records, verdicts
from studies.verdicts import Comparison
from trainers.train_config import STRENGTHS


def against_plain(question, quantity, sign):
    """Each regularized model, and their mean, against the plain one of the same k and variant."""

    def evidence(plan, cells):
        of_one_seed = _half_interval_of_one(plan, cells, quantity)
        for name, cell, plain in _pairs(plan, cells):
            names = (name, plan.plain(name))
            options = {"of_one_seed": of_one_seed, "note": _of_variant(plan.cells[name])}
            yield _of_cells(question, names, cell, plain, quantity, sign, **options)
        grid = of_grid(plan, cells)
        yield from _of_mean(f"{question} in the mean over models", grid, quantity, sign)

    return evidence


def _pairs(plan, cells):
    """Name and record of each regularized cell, and the record of its plain cell."""
    for name, cell in cells.items():
        planned, plain = plan.cells[name], cells.get(plan.plain(name))
        # These trained longer, but have the same best epoch: they are the models of the base again.
        is_again = planned.training.get("num_monte_carlo_samples") == 1
        if planned.row == plan.plain_row or is_again or plain is None:
            continue
        if cell.shared_seeds(plain):
            yield name, cell, plain


def of_grid(plan, cells):
    """The records of each regularized cell that is no variant, and of its plain cell."""
    return [pair for name, *pair in _pairs(plan, cells) if plan.cells[name].variant is None]


def _half_interval_of_one(plan, cells, quantity):
    """Half the interval for one seed's difference from the plain model, from cells with several."""
    return verdicts.half_interval_of_one(
        [cell.minus_by_seed(plain, quantity) for cell, plain in of_grid(plan, cells)]
    )


def _of_cells(question, names, cell, other, quantity, sign, **options):
    difference, means = cell.minus(other, quantity), cell.minus_by_seed(other, quantity)
    return verdicts.of_estimate(question, " − ".join(names), difference, means, sign, **options)


def _of_mean(question, pairs, quantity, sign):
    """The mean over pairs of cells, for the seeds that all have; seeds are independent."""
    seeds = [set(cell.shared_seeds(other)) for cell, other in pairs]
    seeds = sorted(set.intersection(*seeds)) if len(pairs) > 1 else []
    if seeds:
        of_seeds = [
            np.mean([cell.minus(other, quantity, [seed]).per_example for cell, other in pairs], 0)
            for seed in seeds
        ]
        difference = Estimate(np.mean(of_seeds, axis=0))
        words, means = f"{len(pairs)} models", [values.mean() for values in of_seeds]
        yield verdicts.of_estimate(question, words, difference, means, sign)


def from_overfitting_to_underfitting(plan, cells):
    """The strength that the search chose, against no regularizer and against the strongest."""
    for bound, title in records.CURVES.items():
        of_one_seed = _half_interval_of_one(plan, cells, bound)
        for curve in curves.against_strength(plan, cells, bound):
            symbol, best = STRENGTHS[curve.hyperparameter], curve.differences[curve.best]
            at = f"{curve.cell} at {symbol} = {curve.strengths[curve.best]:g}"
            note = _of_variant(plan.cells[curve.cell])
            yield verdicts.of_estimate(
                f"{title} is above the value without regularization",
                f"{at} − {curve.reference or curves.WEAKEST}",
                best,
                of_one_seed=of_one_seed,
                note=note if curve.reference else "the plain model has another length",
            )
            yield verdicts.of_estimate(
                f"{title} is above the value at the strongest",
                f"{at} − at {curve.strengths[-1]:g}",
                best - curve.differences[-1],
                of_one_seed=of_one_seed,
                note=note,
            )


def larger_k(plan, cells):
    """The cost of the strongest regularizer, and the chosen strength, for pairs of k."""
    for bound, title in records.CURVES.items():
        # The interval of a difference of two differences.
        of_one_seed = np.sqrt(2) * _half_interval_of_one(plan, cells, bound)
        rows = {}
        for curve in curves.against_strength(plan, cells, bound):
            cell = plan.cells[curve.cell]
            rows.setdefault((cell.row, cell.variant, curve.hyperparameter), []).append(curve)
        for (_, _, key), of_row in rows.items():
            for smaller, larger in itertools.combinations(of_row, 2):
                pair, symbol = f"{larger.cell} against {smaller.cell}", STRENGTHS[key]
                note = _of_variant(plan.cells[larger.cell])
                note = note or _not_comparable(cells, larger, smaller)
                losses = [c.differences[c.best] - c.differences[-1] for c in (smaller, larger)]
                shared = min(len(loss.per_example) for loss in losses)  # the same first images
                losses = [Estimate(loss.per_example[:shared]) for loss in losses]
                yield verdicts.of_estimate(
                    f"{title} loses less from the chosen strength to the strongest at the larger k",
                    f"{pair}, {symbol}",
                    losses[0] - losses[1],
                    of_one_seed=of_one_seed,
                    note=note,
                )
                if bound == "log_likelihood":  # the same for each bound: validation images choose
                    best = [curve.strengths[curve.best] for curve in (smaller, larger)]
                    change = curves.severity(key, best[1]) - curves.severity(key, best[0])
                    yield Comparison(
                        "the chosen strength is stronger at the larger k",
                        pair,
                        f"{symbol} from {best[0]:g} to {best[1]:g}",
                        change,
                        verdicts.of(change, 0),
                        [change],
                        note,
                    )


def dvae_against_wni(plan, cells):
    """Noise against caps at each k; a difference of either sign counts."""
    for k in plan.num_importance_samples:
        names = [plan.name_of(row, k) for row in ("dvae", "wni_vae")]
        pair = [cells[name] for name in names if name in cells]
        if len(pair) == 2 and pair[0].shared_seeds(pair[1]):
            for quantity, title in (("log_likelihood", "log p(x)"), ("inference_gap", "the gap")):
                sign = np.sign(pair[0].minus(pair[1], quantity).mean)
                yield _of_cells(f"{title} differs", names, *pair, quantity, sign)


def large_encoder(plan, cells):
    """A larger encoder against the normal one."""
    for name, cell in cells.items():
        planned = plan.cells[name]
        base = cells.get(planned.base)
        if planned.variant == "large_encoder" and base is not None and cell.shared_seeds(base):
            names = (name, planned.base)
            yield _of_cells("log p(x) is lower", names, cell, base, "log_likelihood", -1)
            yield _of_cells("the gap is higher", names, cell, base, "inference_gap", 1)


def iw_svi(plan, cells):
    """The two estimates of log p(x) for the same models, so only the images vary."""
    for name, cell in cells.items():
        if cell.finals:
            estimates = [cell.estimate(bound) for bound in records.CURVES]
            difference = estimates[0] - estimates[1]
            of_seeds = zip(*(cell.seed_means(bound) for bound in records.CURVES), strict=True)
            yield Comparison(
                "IW-SVI is above IWAE-5000 by a tenth of a nat",
                name,
                str(difference),
                difference.mean,
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
        for m in sorted(by_m.keys() - {1}):
            if base == plain:
                question = "with more samples the VAE's ELBO ends further below its best"
                yield from _of_losses(question, f"{base}, m = {m} − m = 1", by_m[m], by_m.get(1))
                continue
            question = "the DVAE's ends within a tenth of a nat of its best"
            yield verdicts.of_seeds(question, f"{base}, m = {m}", by_m[m], sign=-1, threshold=0.1)
            question = "the DVAE's ends less far below its best than the VAE's"
            of_plain = losses.get(plain, {}).get(m)
            yield from _of_losses(question, f"{plain} − {base}, m = {m}", of_plain, by_m[m])


def _of_losses(question, pair, losses, others):
    """One comparison, over the seeds that both have; none if they share no seed."""
    shared = sorted((losses or {}).keys() & (others or {}).keys())
    if shared:
        differences = {seed: losses[seed] - others[seed] for seed in shared}
        yield verdicts.of_seeds(question, pair, differences)


def _of_variant(planned):
    return "a variant" if planned.variant else ""


def _not_comparable(cells, *of_both):
    """Why two searches cannot be compared; empty if they can."""
    if len({curve.strengths[-1] for curve in of_both}) > 1:
        return "the strongest strengths differ"
    configs = [cells[curve.cell].search["config"] for curve in of_both]
    steps = [config["epochs"] / config["batch_size"] for config in configs]
    ratio = steps[0] / steps[1]
    return "" if 0.9 < ratio < 1.1 else f"{ratio:.2g} times the steps"
