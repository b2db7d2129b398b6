"""The figures of RESULTS.md, from the records of a study."""

import matplotlib.figure
import numpy as np

from trainers import records


def draw_strength(path, plan, found):
    """Panels for σ and H, a row for each bound; returns whether there was anything to draw."""
    panels = {}
    for bound in records.CURVES:
        for name, key, points in records.curves(plan, found, bound):
            panels.setdefault((bound, key), []).append((name, points))
    if not panels:
        return False
    bounds, keys = (list(dict.fromkeys(names)) for names in zip(*panels, strict=True))
    size = (6.5 * len(keys), 4.5 * len(bounds))
    figure = matplotlib.figure.Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(bounds), len(keys), squeeze=False)
    for row, bound in zip(grid, bounds, strict=True):
        for axes, key in zip(row, keys, strict=True):
            _draw_strength(axes, bound, key, panels.get((bound, key), []))
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return True


def _draw_strength(axes, bound, key, lines):
    if not lines:  # the other hyperparameter has searches with this bound
        axes.set_axis_off()
        return
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
        ylabel=f"Δ {records.CURVES[bound]} to the plain model (nats)",
    )
    # What is far too strong would hide the rest.
    low = min(np.partition([d.mean for _, d in points], 1)[1] for _, points in lines)
    axes.set_ylim(bottom=min(low, 0) - 1)
    axes.legend()


def draw_training(path, plan, found):
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
