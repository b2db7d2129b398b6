"""The figures of a page, from the records of a study."""

import itertools

import matplotlib.figure
import numpy as np

from studies import curves, records
from trainers.train_config import STRENGTHS


def draw_strength(path, plan, found):
    """Draws panels for σ and H, with a row for each bound; returns whether there was data."""
    panels = {}
    for bound in records.CURVES:
        for curve in curves.against_strength(plan, found, bound):
            panels.setdefault((bound, curve.hyperparameter), []).append(curve)
    if not panels:
        return False
    bounds, keys = (list(dict.fromkeys(names)) for names in zip(*panels, strict=True))
    size = (6.5 * len(keys), 4.5 * len(bounds))
    figure = matplotlib.figure.Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(bounds), len(keys), squeeze=False)
    for row, bound in zip(grid, bounds, strict=True):
        for axes, key in zip(row, keys, strict=True):
            _draw_strength(axes, bound, key, panels.get((bound, key), []), plan)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return True


def _draw_strength(axes, bound, key, lines, plan):
    if not lines:  # only the other hyperparameter has searches with this bound
        axes.set_axis_off()
        return
    rows = dict.fromkeys(cell.row for cell in plan.cells.values() if cell.searched(key))
    # Each row has a format and each k a colour; variants are pale.
    formats = dict(zip(rows, itertools.cycle(("o-", "s--", "^:"))))
    for curve in lines:
        y, errors = zip(*((d.mean, d.standard_error) for d in curve.differences), strict=True)
        cell = plan.cells[curve.cell]
        style = {"fmt": formats[cell.row], "color": f"C{plan.num_importance_samples.index(cell.k)}"}
        style["alpha"] = 0.4 if cell.variant else 1
        label = f"{curve.cell} − {curve.reference or curves.WEAKEST}"
        axes.errorbar(curve.strengths, y, errors, capsize=3, label=label, **style)
    axes.axhline(0, color="grey", linewidth=1)
    axes.set_xscale("log")
    ticks = lines[0].strengths
    axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
    axes.minorticks_off()
    axes.set(
        xlabel=f"{STRENGTHS[key]} ({key})",
        ylabel=f"Δ {records.CURVES[bound]} (nats)",
    )
    # Values of far too strong regularizers would hide the rest.
    low = min(sorted(d.mean for d in curve.differences)[:2][-1] for curve in lines)
    axes.set_ylim(bottom=min(low, 0) - 1)
    axes.legend()


def draw_training(path, plan, found):
    """Draws the ELBO with m samples, a panel for each model; returns whether there was data."""
    panels = {}
    for base, m, every, elbos in curves.over_training(plan, found):
        panels.setdefault(base, []).append((f"m = {m}", every, elbos.values()))
    return _draw_over_training(path, panels, "validation ELBO (nats)", sharey=True)


def draw_stopping(path, plan, found):
    """Draws the stopping bounds, a panel for each bound; returns whether there was data."""
    panels = {}
    for bound, *line in curves.to_stop_by(plan, found):
        panels.setdefault(records.OVER_TRAINING[bound], []).append(line)
    return _draw_over_training(path, panels, "validation bound (nats)", sharey=False)


def _draw_over_training(path, panels, ylabel, sharey):
    """Draws panels {title: [(label, epochs between validations, bounds of each seed)]}."""
    if not panels:
        return False
    figure = matplotlib.figure.Figure(figsize=(5.5 * len(panels), 4.5), layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=sharey)[0]
    for axes, (title, lines) in zip(grid, panels.items(), strict=True):
        for color, (label, every, of_seeds) in enumerate(lines):
            for seed, bounds in enumerate(of_seeds):
                epochs = every * np.arange(1, len(bounds) + 1)
                axes.plot(epochs, bounds, f"C{color}", label="" if seed else label)
        best = max(max(bounds) for _, _, of_seeds in lines for bounds in of_seeds)
        axes.set(title=title, xlabel="epoch", ylim=(best - 8, best + 0.5))
        axes.legend()
    grid[0].set_ylabel(ylabel)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return True
