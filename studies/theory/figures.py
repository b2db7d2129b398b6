"""The pictures of docs/theory.md."""

import io

import matplotlib.collections
import matplotlib.figure
import matplotlib.patches
import numpy as np
import PIL.Image

from air_tf.theory import kernel_regression_posterior
from studies.theory import toy

_COLORS = [f"C{index}" for index in range(len(toy.X))]


def draw_latents(path, q, noisy, capped):
    """Draws q(z|x_i) over the true posteriors: a row for each encoder, a column for each strength.

    Args:
        path: of the picture.
        q: the posteriors of the training points, {"loc", "scale"}.
        noisy, capped: {σ: model} and {H: model}.
    """
    rows = [
        [
            (f"kernel regression, σ = {stddev:g}", _parameters(_optimal(q, stddev, toy.X)))
            for stddev in noisy
        ],
        [(f"trained, σ = {stddev:g}", m.encode(toy.X)) for stddev, m in noisy.items()],
        [(f"trained, H = {max_norm:g}", m.encode(toy.X)) for max_norm, m in capped.items()],
    ]
    figure = matplotlib.figure.Figure(figsize=(9.5, 7.4), layout="constrained")
    grid = figure.subplots(len(rows), len(noisy), sharex=True, sharey=True)
    for line, panels in zip(grid, rows, strict=True):
        for axes, (title, found) in zip(line, panels, strict=True):
            _draw_ellipses(axes, q, facecolor="0.85", edgecolor="none")
            _draw_ellipses(axes, found, facecolor="none", edgecolor=_COLORS, linewidth=1.5)
            for color, start, end in zip(_COLORS, q["loc"], found["loc"], strict=True):
                axes.plot(*zip(start, end, strict=True), color=color, linewidth=0.8)
                axes.plot(*end, ".", color=color)
            axes.set_title(title, fontsize=9)
            axes.set(xlim=(-2.2, 2.2), ylim=(-2.1, 2.1), aspect="equal")
    figure.supxlabel("z₁")
    figure.supylabel("z₂")
    _save(figure, path)


def draw_functions(path, q, noisy, capped):
    """Draws the mean of z₁ along a line through the observations, for each encoder and strength."""
    x1 = np.linspace(-3, 3, 301)
    line = np.stack([x1, np.zeros_like(x1)], axis=1).astype("float32")
    panels = {
        "kernel regression": {
            f"σ = {stddev:g}": _optimal(q, stddev, line).mean() for stddev in noisy
        },
        "trained with noise": {f"σ = {s:g}": m.encode(line)["loc"] for s, m in noisy.items()},
        "trained with caps": {f"H = {h:g}": m.encode(line)["loc"] for h, m in capped.items()},
    }
    figure = matplotlib.figure.Figure(figsize=(10, 3.6), layout="constrained")
    grid = figure.subplots(1, len(panels), sharey=True)
    for axes, (title, curves) in zip(grid, panels.items(), strict=True):
        for index, (label, loc) in enumerate(curves.items()):
            axes.plot(x1, loc[:, 0], label=label, color=f"C{index}")
        axes.set(title=title, xlabel="x₁, with x₂ = 0")
        axes.legend(fontsize=8)
    grid[0].set_ylabel("mean of z₁")
    _save(figure, path)


def _optimal(q, stddev, x):
    return kernel_regression_posterior(q, toy.X, stddev, x).distribution


def _parameters(distribution):
    return {"loc": distribution.mean(), "scale": distribution.stddev()}


def _draw_ellipses(axes, gaussians, **style):
    """Draws the ellipses of one standard deviation of Gaussians, {"loc", "scale"}."""
    ellipses = [
        matplotlib.patches.Ellipse(loc, *(2 * np.asarray(scale)))
        for loc, scale in zip(gaussians["loc"], gaussians["scale"], strict=True)
    ]
    axes.add_collection(matplotlib.collections.PatchCollection(ellipses, **style))


def _save(figure, path):
    """Saves a picture with few colours, which is a small file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=80)
    PIL.Image.open(buffer).convert("RGB").quantize(64, dither=0).save(path, "PNG", optimize=True)
