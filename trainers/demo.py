"""`python -m trainers.demo`: when the method helps, on few digits, in a few minutes."""

import dataclasses
import pathlib
import warnings

import matplotlib
import numpy as np
import rich.console
import tensorflow as tf
import tqdm

import air_tf
from air_tf import checks, files
from trainers import (
    command_line,
    demo_figures,
    demo_report,
    demo_strengths,
    demo_training,
    run_folder,
    trajectory,
)


@dataclasses.dataclass(frozen=True)
class DemoConfig:
    """Train VAE, DVAE and WNI-VAE on 300 digits for long, and compare them on 500.

    Nothing stops the training, so that the plain decoder overfits; the weights that early stopping
    would keep are evaluated too. The strengths of noise and cap come from an earlier search on
    validation digits (trainers/demo_strengths.json). Writes summary.json, pictures and an exported
    SavedModel.
    """

    out: str = "demo_out"
    """Folder for the results; it must be new or empty."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of initial weights, order of digits, noise and samples; at least two."""
    num_steps: int = 4000
    """Optimizer steps of a training, a multiple of 40."""
    num_samples: int = 1000
    """k of log p(x) by IW-SVI."""


def demo(config):
    """Runs the comparison; returns the summary that it writes."""
    path = pathlib.Path(config.out)
    run_folder.require_empty(path)
    demo_training.course(config.num_steps)
    checks.positive_int("num_samples", config.num_samples)
    if len(set(config.seeds)) < max(2, len(config.seeds)):
        raise ValueError(
            "`seeds` must be at least two different ones, for an error over seeds. "
            f"Received: seeds={config.seeds}"
        )
    matplotlib.use("agg")
    # summary.json has the share of digits that each warning would name.
    warnings.simplefilter("ignore", air_tf.evaluation.UnreliableEstimateWarning)
    data = demo_training.load_digits()
    runs = _runs(config, data)
    summary = demo_report.summary(runs)
    path.mkdir(parents=True, exist_ok=True)
    files.write_json(path / "summary.json", summary)
    demo_figures.draw(path, data, runs)
    comparisons = summary["comparisons"]
    console = rich.console.Console(width=110)
    console.print(demo_report.table(runs, comparisons))
    console.print(demo_report.table_of_losses(runs))
    print(demo_report.in_words(comparisons))
    _export(path, data, next(run.model for run in runs if run.model.name == "dvae"))
    print(f"Pictures and summary.json are in {path}")
    return summary


def _runs(config, data):
    """Trains and evaluates each model with each seed; the models end as with the first seed."""
    strengths, runs = demo_strengths.chosen(), []
    total = len(demo_report.TITLES) * len(config.seeds) * config.num_steps
    with tqdm.tqdm(total=total, unit="step") as bar:
        for name, title in demo_report.TITLES.items():
            strength = strengths[name]
            model = demo_training.build(name, strength, config.seeds[0], data)
            of_model = []
            for seed in config.seeds:
                bar.set_description(f"training and evaluating {title}, seed {seed}")
                fresh = demo_training.build(name, strength, seed, data)
                trajectory.restart(model, fresh)
                counts = config.num_steps, config.num_samples
                of_model.append(demo_training.run(model, strength, seed, *counts, data, bar))
            model.set_weights(of_model[0].trajectory.weights)
            runs += of_model
    return runs


def _export(path, data, model):
    """Exports the model, loads it again and compares the results of both on test digits."""
    air_tf.export_saved_model(model, path / "saved_model")
    loaded = tf.saved_model.load(str(path / "saved_model"))
    x = data.test[:100].astype("float32")
    ours = air_tf.evaluation.importance_log_likelihood(model, x, 500, seed=0, progress=False)
    theirs = loaded.log_likelihood(x, tf.constant(500), tf.constant(0)).numpy()
    difference = float(np.max(np.abs(ours.per_example - theirs)))
    loc = float(np.max(np.abs(model.encode(x)["loc"] - loaded.encode(x)["loc"])))
    print(
        f"SavedModel of the DVAE, reloaded: log p(x) of 100 digits differs by at most "
        f"{difference:.1e} nats, the posterior means by at most {loc:.1e}"
    )
    if difference > 1e-3:
        raise ValueError(f"The reloaded model must agree. Received: difference={difference}")


if __name__ == "__main__":
    command_line.run(demo, DemoConfig)
