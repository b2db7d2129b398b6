"""The figures of RESULTS.md, from the records of a study."""

import itertools

import matplotlib.figure
import numpy as np

from trainers import curves, records


def draw_strength(path, plan, found):
    """Panels for σ and H, a row for each bound; returns whether there was anything to draw."""
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
    if not lines:  # the other hyperparameter has searches with this bound
        axes.set_axis_off()
        return
    rows = dict.fromkeys(plan.cells[curve.cell].row for curve in lines)
    formats = dict(zip(rows, itertools.cycle(("o-", "s--", "^:"))))  # a colour is a k
    for curve in lines:
        y, errors = zip(*((d.mean, d.standard_error) for d in curve.differences), strict=True)
        cell = plan.cells[curve.cell]
        style = {"fmt": formats[cell.row], "color": f"C{plan.num_importance_samples.index(cell.k)}"}
        label = f"{curve.cell} − {curve.reference}"
        axes.errorbar(curve.strengths, y, errors, capsize=3, label=label, **style)
    axes.axhline(0, color="grey", linewidth=1)
    axes.set_xscale("log")
    ticks = lines[0].strengths
    axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
    axes.minorticks_off()
    axes.set(
        xlabel=f"{records.STRENGTHS[key]} ({key})",
        ylabel=f"Δ {records.CURVES[bound]} (nats)",
    )
    # What is far too strong would hide the rest.
    low = min(np.partition([d.mean for d in curve.differences], 1)[1] for curve in lines)
    axes.set_ylim(bottom=min(low, 0) - 1)
    axes.legend()


def draw_training(path, plan, found):
    """A panel for each model; returns whether there was anything to draw."""
    panels = {}
    for base, m, epochs, elbos in curves.over_training(plan, found):
        panels.setdefault(base, []).append((m, epochs, elbos))
    if not panels:
        return False
    figure = matplotlib.figure.Figure(figsize=(5.5 * len(panels), 4.5), layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (base, lines) in zip(grid, panels.items(), strict=True):
        for color, (m, epochs, elbos) in enumerate(lines):
            for elbo in elbos:
                axes.plot(epochs, elbo, f"C{color}", label=f"m = {m}")
        handles, labels = axes.get_legend_handles_labels()
        one_each = dict(zip(labels, handles, strict=True))
        axes.legend(one_each.values(), one_each.keys())
        best = max(elbos.max() for _, _, elbos in lines)
        axes.set(title=base, xlabel="epoch", ylim=(best - 8, best + 0.5))
    grid[0].set_ylabel("validation ELBO (nats)")
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return True
