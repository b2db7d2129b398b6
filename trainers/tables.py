"""`python -m trainers.tables`: RESULTS.md and its figures, from the records of studies alone."""

import dataclasses
import os
import pathlib

import matplotlib.figure
import numpy as np

from trainers import claims, command_line, markdown, records, study

_TITLES = {
    "log_likelihood": "log p(x)",
    "importance_log_likelihood": "IWAE-5000",
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
_CAPTION = (
    "IWAE-5000 on test images against the strength, as the difference to the plain model of the "
    "same k and seed, paired by image; bars are one standard error."
)
_TRAINING_CAPTION = (
    "ELBO on validation images over training without early stopping, with m Monte Carlo samples of "
    "the bound for each image; a line a seed."
)


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
    results, figures = pathlib.Path(config.results), pathlib.Path(config.figures)
    figures.mkdir(parents=True, exist_ok=True)
    text, everything = [_INTRODUCTION], {}
    for name in study.names():
        plan = study.read(name)
        found = records.read(results / name, plan.cells())
        if not found:
            continue
        everything[name] = plan, found
        text += [f"## {plan.dataset}", _table(plan, found), _searches(plan, found)]
        file = figures / f"{name}_strength.png"
        if _draw(file, plan, found):
            link = os.path.relpath(file, pathlib.Path(config.out).parent)
            text += [f"![Test bound against strength]({link})", _CAPTION]
        file = figures / f"{name}_training.png"
        if _draw_training(file, plan, found):
            link = os.path.relpath(file, pathlib.Path(config.out).parent)
            text += [f"![ELBO over training]({link})", _TRAINING_CAPTION]
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
    rows = []
    for name, cell in found.items():
        if cell.search is None:
            continue
        for key, symbol in records.STRENGTHS.items():
            if plan.cells()[name].searched(key):
                trials = sorted(cell.search["trials"], key=lambda t: t["hyperparameters"][key])
                scores = (f"{t['hyperparameters'][key]:g}: {t['score']:.2f}" for t in trials)
                rows.append([name, symbol, ", ".join(scores)])
    return "Searches, strength: validation IWAE-64 bound.\n\n" + markdown.table(
        ["cell", "", ""], rows
    )


def _draw(path, plan, found):
    """A panel for σ and one for H; returns whether there was anything to draw."""
    panels = {}
    for name, key, points in records.curves(plan, found):
        panels.setdefault(key, []).append((name, points))
    if not panels:
        return False
    figure = matplotlib.figure.Figure(figsize=(6.5 * len(panels), 4.5), layout="constrained")
    for axes, (key, lines) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for name, points in lines:
            x, differences = zip(*points, strict=True)
            y, errors = zip(*((d.mean, d.standard_error) for d in differences), strict=True)
            axes.errorbar(x, y, errors, fmt="o-", capsize=3, label=name)
        axes.axhline(0, color="grey", linewidth=1)
        axes.set_xscale("log")
        axes.set_xticks(x, [f"{value:g}" for value in x])
        axes.minorticks_off()
        axes.set(
            xlabel=f"{records.STRENGTHS[key]} ({key})",
            ylabel="Δ IWAE-5000 to the plain model (nats)",
        )
        # What is far too strong would hide the rest.
        low = min(np.partition([d.mean for _, d in points], 1)[1] for _, points in lines)
        axes.set_ylim(bottom=min(low, 0) - 1)
        axes.legend()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return True


def _draw_training(path, plan, found):
    """A panel for each model; returns whether there was anything to draw."""
    panels = {}
    for base, m, epochs, curves in records.training_curves(plan, found):
        panels.setdefault(base, []).append((m, epochs, curves))
    if not panels:
        return False
    figure = matplotlib.figure.Figure(figsize=(5.5 * len(panels), 4.5), layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (base, lines) in zip(grid, panels.items(), strict=True):
        for color, (m, epochs, curves) in enumerate(lines):
            for curve in curves:
                axes.plot(epochs, curve, f"C{color}", label=f"m = {m}")
        handles, labels = axes.get_legend_handles_labels()
        one_each = dict(zip(labels, handles, strict=True))
        axes.legend(one_each.values(), one_each.keys())
        best = max(curves.max() for _, _, curves in lines)
        axes.set(title=base, xlabel="epoch", ylim=(best - 8, best + 0.5))
    grid[0].set_ylabel("validation ELBO (nats)")
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return True


def _missing(plan, found):
    missing = []
    for name in plan.cells():
        seeds = [s for s in plan.seeds if name not in found or s not in found[name].finals]
        if seeds:
            missing.append(f"{name} (seed {', '.join(map(str, seeds))})")
    return f"Planned and not run yet: {'; '.join(missing)}." if missing else ""


if __name__ == "__main__":
    command_line.run(tables, TablesConfig)
