"""The claims of the paper, each against the records: holds, does not hold, or undecided here."""

from air_tf.evaluation import Estimate
from trainers import records

_CLAIMS = (
    "Regularizing the encoder raises test log p(x), at k = 1 and at larger k.",
    "It lowers the test inference gap.",
    "Test log p(x) against the strength goes from overfitting to underfitting.",
    "Larger k makes over-regularized models underfit less, and the best strength grows with k.",
    "DVAE and WNI-VAE behave differently.",
    "A larger encoder hurts test log p(x) and the inference gap.",
    "IW-SVI clearly beats IWAE-5000 as an estimate of log p(x).",
    "With more Monte Carlo samples m the VAE overfits on the ELBO, the DVAE does not.",
)


def assess(studies):
    """Markdown, one item a claim. A difference counts from two standard errors on.

    Args:
        studies: {name: (`Study`, {cell: `CellRecord`})}.
    """
    lines = [
        "A difference counts from two standard errors over images on. With one seed, another "
        "training may differ by more than that.",
        "",
    ]
    for number, claim in enumerate(_CLAIMS, 1):
        lines.append(f"{number}. **{claim}**")
        found = [
            f"   * {name}: {line}"
            for name, (plan, cells) in studies.items()
            for line in _EVIDENCE.get(number, lambda *_: [])(plan, cells)
        ]
        lines += found or ["   * No cells yet."]
    return "\n".join(lines)


def _verdict(difference, sign=1):
    if sign * difference.mean > 2 * difference.standard_error:
        return "holds"
    if sign * difference.mean < -2 * difference.standard_error:
        return "does not hold"
    return "undecided"


def _chosen(plan, cells, k):
    """The plain cell of a k, and the regularized one that is best on the validation images."""
    planned = plan.cells()
    of_k = {
        n: c for n, c in cells.items() if c.finals and planned[n].k == k and not planned[n].variant
    }
    plain = of_k.pop(next((n for n in of_k if plan.plain(n) == n), None), None)
    if plain is None or not of_k:
        return None
    best = max(of_k, key=lambda n: max(t["score"] for t in of_k[n].search["trials"]))
    return plain, best, of_k[best]


def _against_plain(quantity, sign):
    def evidence(plan, cells):
        for k in plan.num_importance_samples:
            chosen = _chosen(plan, cells, k)
            if chosen:
                plain, name, cell = chosen
                difference = cell.minus(plain, quantity)
                yield f"k = {k}, {name}: {difference}, {_verdict(difference, sign)}."

    return evidence


def _by_each_bound(evidence):
    """The same question put to log p(x) by IW-SVI, where searches have it, and to IWAE-5000."""

    def of_bounds(plan, cells):
        for bound, title in records.CURVES.items():
            for line in evidence(plan, cells, bound):
                yield f"{title} of {line}"

    return of_bounds


def _overfit_to_underfit(plan, cells, bound):
    for name, key, points in records.curves(plan, cells, bound):
        strengths = [strength for strength, _ in points]
        best = max(range(len(points)), key=lambda i: points[i][1].mean)
        ends = [points[best][1] - points[end][1] for end in (0, -1)]
        verdicts = {_verdict(end) for end in ends}
        verdict = "holds" if verdicts == {"holds"} else "undecided"
        if best in (0, len(points) - 1):
            verdict = "undecided (the best is an end of the grid)"
        yield (
            f"{name}, {key}: best on test at {strengths[best]:g}, above the ends "
            f"{strengths[0]:g} and {strengths[-1]:g} by {ends[0]} and {ends[1]}, {verdict}."
        )


def _larger_k(plan, cells, bound):
    rows = {}
    for name, key, points in records.curves(plan, cells, bound):
        row = plan.cells()[name].row
        rows.setdefault((row, key), []).append((plan.cells()[name].k, name, points))
    for (row, key), columns in rows.items():
        if len(columns) < 2:
            continue
        text = []
        for k, _, points in sorted(columns, key=lambda column: column[0]):
            best = max(points, key=lambda point: point[1].mean)
            strongest = points[-1] if key == "noise_stddev" else points[0]
            loss = strongest[1] - best[1]
            text.append(f"k = {k}: best {best[0]:g}, the strongest {strongest[0]:g} loses {loss}")
        yield f"{row}, {key}: {'; '.join(text)}."


def _dvae_against_wni(plan, cells):
    for k in plan.num_importance_samples:
        pair = [plan.name_of(row, k) for row in ("dvae", "wni_vae")]
        if all(name in cells and cells[name].finals for name in pair):
            difference = cells[pair[0]].minus(cells[pair[1]], "log_likelihood")
            differ = "holds" if _verdict(difference) != "undecided" else "undecided"
            yield f"log p(x) of {pair[0]} − {pair[1]}: {difference}, {differ}."


def _large_encoder(plan, cells):
    for name, cell in cells.items():
        planned = plan.cells()[name]
        base = cells.get(planned.base)
        if planned.variant == "large_encoder" and base is not None and base.finals:
            density, gap = (cell.minus(base, q) for q in ("log_likelihood", "inference_gap"))
            yield (
                f"{name} − {planned.base}: log p(x) {density}, {_verdict(density, -1)}; "
                f"inference gap {gap}, {_verdict(gap, 1)}."
            )


def _more_samples(plan, cells):
    losses = {}
    for base, m, _, curves in records.training_curves(plan, cells):
        losses.setdefault(base, {})[m] = Estimate(curves.max(axis=1) - curves[:, -1])
    for base, by_m in losses.items():
        text = ", ".join(f"{_over_seeds(loss)} (m = {m})" for m, loss in sorted(by_m.items()))
        yield f"{base}: the validation ELBO ends below its best by {text}."
        plain = losses.get(plan.plain(base), {})
        shared = plain.keys() & by_m.keys()
        if base != plan.plain(base) and shared:
            m = max(shared)
            difference = plain[m] - by_m[m]
            text = f"{_over_seeds(difference)}, {_verdict(difference)}"
            yield f"m = {m}, that of {plan.plain(base)} − that of {base}: {text}."


def _over_seeds(estimate):
    """With its standard error over seeds, if there are several."""
    return str(estimate) if len(estimate.per_example) > 1 else f"{estimate.mean:.2f} (one seed)"


def _iw_svi(plan, cells):
    for name, cell in cells.items():
        if cell.finals:
            log_likelihood = cell.estimate("log_likelihood")
            difference = log_likelihood - cell.estimate("importance_log_likelihood")
            yield f"{name}: {difference}, {_verdict(difference)}."


_EVIDENCE = {
    1: _against_plain("log_likelihood", 1),
    2: _against_plain("inference_gap", -1),
    3: _by_each_bound(_overfit_to_underfit),
    4: _by_each_bound(_larger_k),
    5: _dvae_against_wni,
    6: _large_encoder,
    7: _iw_svi,
    8: _more_samples,
}
