"""The demo's pictures."""

import numpy as np

import air_tf
from trainers import demo_report, evaluation_report


def draw(path, data, runs):
    """Writes training.png, generalization.png and samples.png.

    Args:
        path: `pathlib.Path` of the folder.
        data: `Dataset`.
        runs: list of `demo_training.Run`.
    """
    _draw_training(path / "training.png", runs)
    _draw_losses(path / "generalization.png", runs)
    _draw_samples(path / "samples.png", data, runs)


def _draw_training(path, runs):
    """The test log p(x) and ELBO over training: a line for each seed."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5))
    for axis, quantity in zip(axes, ("log_likelihood", "elbo"), strict=True):
        for run in runs:
            name, found = run.model.name, run.trajectory
            color = f"C{list(demo_report.TITLES).index(name)}"
            means = [getattr(gaps, quantity).mean for gaps in found.along.values()]
            legend = demo_report.label(runs, name) if run.seed == runs[0].seed else None
            axis.plot(list(found.along), means, ".-", color=color, label=legend)
            star = {"markersize": 12, "markeredgecolor": "k", "color": color}
            axis.plot(found.early_steps, getattr(found.early, quantity).mean, "*", **star)
        axis.set(xlabel="optimizer steps", ylabel="nats")
    axes[0].set_title("test log p(x)")
    axes[1].set_title("test ELBO")
    axes[0].plot([], [], "*", color="w", markeredgecolor="k", markersize=12, label="stopped early")
    axes[0].legend()
    _save(figure, path)


def _draw_losses(path, runs):
    """What each model that nothing stopped loses from training to test digits."""
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 4.5))
    for index, name in enumerate(demo_report.TITLES):
        lost = demo_report.lost(runs, name).values()
        places = np.arange(len(lost)) + 0.27 * (index - 1)
        errors = [gap["standard_error"] for gap in lost]
        label = demo_report.label(runs, name)
        axis.bar(places, [gap["mean"] for gap in lost], 0.25, yerr=errors, capsize=3, label=label)
    titles = evaluation_report.LOSSES.values()
    axis.set_xticks(range(len(titles)), [title.replace(": ", "\n") for title in titles])
    axis.set(ylabel="nats", title="Not stopped: lost from training to test digits")
    axis.legend()
    _save(figure, path)


def _draw_samples(path, data, runs):
    """Samples and reconstructions at the end of training, of the first seed."""
    from matplotlib import pyplot as plt

    firsts = [run for run in runs if run.seed == runs[0].seed]
    figure, axes = plt.subplots(2, len(firsts), figsize=(3 * len(firsts), 6))
    for run, column in zip(firsts, axes.T, strict=True):
        grids = air_tf.plotting.model_grids(run.model, data.test, data.image_shape, run.seed)
        for axis, (name, grid) in zip(column, grids.items(), strict=True):
            air_tf.plotting.show_grid(axis, grid, f"{demo_report.TITLES[run.model.name]}: {name}")
    _save(figure, path)


def _save(figure, path):
    figure.tight_layout()
    figure.savefig(path, dpi=120)
