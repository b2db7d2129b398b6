"""`python -m trainers.tables`: RESULTS.md and its figures, from the records of studies alone."""

import dataclasses
import os
import pathlib

from trainers import claims, command_line, figures, markdown, records, study

_TITLES = {
    **records.CURVES,
    "elbo": "ELBO",
    "inference_gap": "Δ_inf",
    "approximation_gap": "Δ_ap",
    "amortization_gap": "Δ_am",
}
_INTRODUCTION = """# Results

Written by `make tables` from the records under `results/`, which `python -m trainers.reproduce
--study NAME` makes; nothing here is typed. Nats per test image. log p(x) is the IW-SVI estimate
(k = 5000, k̂ = 8, T ≤ 500 unless a record says otherwise); the other bounds take 5000 samples as
well. ± is the standard error over test images of the mean over seeds, whose own means stand in the
last column. Δ is the difference to the plain model of the same k, paired by image. Strengths are
those with the best validation IWAE-64 bound.
"""
_FIGURES = {
    "strength": (
        figures.draw_strength,
        "Bounds on test images against the strength, as the difference to the plain model of the "
        "same k and seed, paired by image; bars are one standard error. log p(x) is by IW-SVI. "
        "Where a study searches with fewer epochs than it trains the plain model with, all points "
        "lie lower for that alone.",
    ),
    "training": (
        figures.draw_training,
        "ELBO on validation images over training without early stopping, with m Monte Carlo "
        "samples of the bound for each image; a line a seed.",
    ),
}


@dataclasses.dataclass(frozen=True)
class TablesConfig:
    """Write RESULTS.md and the figures from the records of all studies."""

    results: str = "results"
    """Folder of the records."""
    figures: str = "results/figures"
    """Folder of the figures."""
    out: str = "RESULTS.md"
    """The document."""


def tables(config):
    """Writes the document and the figures."""
    results, folder = pathlib.Path(config.results), pathlib.Path(config.figures)
    folder.mkdir(parents=True, exist_ok=True)
    text, everything = [_INTRODUCTION], {}
    for name in study.names():
        plan = study.read(name)
        found = records.read(results / name, plan.cells())
        if not found:
            continue
        everything[name] = plan, found
        text += [f"## {plan.dataset}", _table(plan, found), _searches(plan, found)]
        for figure, (draw, caption) in _FIGURES.items():
            file = folder / f"{name}_{figure}.png"
            if draw(file, plan, found):
                link = os.path.relpath(file, pathlib.Path(config.out).parent)
                text.append(f"![{caption.partition(',')[0]}]({link})\n\n{caption}")
        text.append(_missing(plan, found))
    text += ["## The claims of the paper", claims.assess(everything)]
    document = "\n\n".join(part.strip() for part in text if part)
    pathlib.Path(config.out).write_text(document + "\n", encoding="utf-8")


def _table(plan, found):
    rows = []
    for name, cell in found.items():
        if not cell.finals:
            continue
        first = next(iter(cell.finals.values()))
        strength = ", ".join(
            f"{symbol} = {first['config'][key]:g}"
            for key, symbol in records.STRENGTHS.items()
            if first["config"][key] is not None
        )
        plain = found.get(plan.plain(name))
        deltas = ["", ""]
        if plain is not None and plain is not cell and plain.values.keys() & cell.values.keys():
            deltas = [str(cell.minus(plain, q)) for q in ("log_likelihood", "inference_gap")]
        seeds = " ".join(f"{mean:.2f}" for mean in cell.seed_means("log_likelihood"))
        values = [str(cell.estimate(quantity)) for quantity in _TITLES]
        rows.append([name, strength, *values, *deltas, seeds])
    header = [
        "cell",
        "strength",
        *_TITLES.values(),
        "Δ log p(x)",
        "Δ Δ_inf",
        "log p(x) of the seeds",
    ]
    count = {len(next(iter(c.values.values()))["elbo"]) for c in found.values() if c.values}
    return f"{' or '.join(map(str, sorted(count)))} test images.\n\n" + markdown.table(header, rows)


def _searches(plan, found):
    points = {
        (name, key, bound): ", ".join(f"{strength:g}: {delta}" for strength, delta in curve)
        for bound in records.CURVES
        for name, key, curve in records.curves(plan, found, bound)
    }
    rows = []
    for name, cell in found.items():
        if cell.search is None:
            continue
        for key, symbol in records.STRENGTHS.items():
            if plan.cells()[name].searched(key):
                trials = sorted(cell.search["trials"], key=lambda t: t["hyperparameters"][key])
                scores = (f"{t['hyperparameters'][key]:g}: {t['score']:.2f}" for t in trials)
                deltas = (points.get((name, key, bound), "") for bound in records.CURVES)
                rows.append([name, symbol, ", ".join(scores), *deltas])
    header = ["cell", "", "validation IWAE-64"]
    header += [f"test Δ {title}" for title in records.CURVES.values()]
    title = "What the searches found at each strength; Δ as in the figure."
    return f"{title}\n\n{markdown.table(header, rows)}"


def _missing(plan, found):
    missing = []
    for name in plan.cells():
        seeds = [s for s in plan.seeds if name not in found or s not in found[name].finals]
        if seeds:
            missing.append(f"{name} (seed {', '.join(map(str, seeds))})")
    return f"Planned and not run yet: {'; '.join(missing)}." if missing else ""


if __name__ == "__main__":
    command_line.run(tables, TablesConfig)
