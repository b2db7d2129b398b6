"""The pictures of docs/theory.md, from its record."""

import io

import matplotlib.collections
import matplotlib.figure
import matplotlib.patches
import numpy as np
import PIL.Image


def draw(folder, record):
    """Draws both pictures of a record of `studies.theory.run` in a folder."""
    _save(_latents(record), folder / "theory_latents.png")
    _save(_functions(record), folder / "theory_functions.png")


def _latents(record):
    """q(z|x_i) over the posteriors: a row for each kind of encoder, a column for each strength."""
    noise, cap = record["noise"].items(), record["cap"].items()
    rows = [
        [(f"kernel regression, σ = {s}", found["regression"]) for s, found in noise],
        [(f"trained, σ = {s}", found["encoder"]) for s, found in noise],
        [(f"trained, H = {h}", found["encoder"]) for h, found in cap],
    ]
    figure = matplotlib.figure.Figure(figsize=(9.5, 7.4), layout="constrained")
    grid = figure.subplots(len(rows), len(noise), sharex=True, sharey=True)
    for line, panels in zip(grid, rows, strict=True):
        for axes, (title, found) in zip(line, panels, strict=True):
            _draw_encoder(axes, record["posteriors"], found)
            axes.set_title(title, fontsize=9)
            axes.set(xlim=(-2.2, 2.2), ylim=(-2.1, 2.1), aspect="equal")
    figure.supxlabel("z₁")
    figure.supylabel("z₂")
    return figure


def _draw_encoder(axes, posteriors, found):
    colors = [f"C{index}" for index in range(len(found["loc"]))]
    _draw_ellipses(axes, posteriors, facecolor="0.85", edgecolor="none")
    _draw_ellipses(axes, found, facecolor="none", edgecolor=colors, linewidth=1.5)
    for color, start, end in zip(colors, posteriors["loc"], found["loc"], strict=True):
        axes.plot(*zip(start, end, strict=True), color=color, linewidth=0.8)
        axes.plot(*end, ".", color=color)


def _draw_ellipses(axes, gaussians, **style):
    """Ellipses of one standard deviation of Gaussians, {"loc", "scale"}."""
    ellipses = [
        matplotlib.patches.Ellipse(loc, *(2 * np.asarray(scale)))
        for loc, scale in zip(gaussians["loc"], gaussians["scale"], strict=True)
    ]
    axes.add_collection(matplotlib.collections.PatchCollection(ellipses, **style))


def _functions(record):
    """The mean of z₁ along a line through the observations, for each encoder and strength."""
    noise, cap = record["noise"].items(), record["cap"].items()
    panels = {
        "kernel regression": {f"σ = {s}": found["regression"] for s, found in noise},
        "trained with noise": {f"σ = {s}": found["encoder"] for s, found in noise},
        "trained with caps": {f"H = {h}": found["encoder"] for h, found in cap},
    }
    figure = matplotlib.figure.Figure(figsize=(10, 3.6), layout="constrained")
    grid = figure.subplots(1, len(panels), sharey=True)
    for axes, (title, curves) in zip(grid, panels.items(), strict=True):
        for index, (label, found) in enumerate(curves.items()):
            axes.plot(record["line"], found["along_line"], label=label, color=f"C{index}")
        axes.set(title=title, xlabel="x₁, with x₂ = 0")
        axes.legend(fontsize=8)
    grid[0].set_ylabel("mean of z₁")
    return figure


def _save(figure, path):
    """Saves a picture with few colours, which is a small file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=80)
    PIL.Image.open(buffer).convert("RGB").quantize(64, dither=0).save(path, "PNG", optimize=True)
