"""`python -m trainers.demo`: the method on scikit-learn's digits, in a few minutes."""

import dataclasses
import json
import pathlib

import keras
import matplotlib
import numpy as np
import rich.console
import rich.table
import tensorflow as tf
import tqdm

import air_tf
from air_tf import files
from trainers import command_line, run_folder
from trainers.train_config import STRENGTHS

# What the demo compares: model, options, and the strengths that the validation set chooses from.
_STUDY = {
    "VAE": ("vae", {}, {}),
    "DVAE": ("dvae", {}, {"noise_stddev": (0.2, 0.4)}),
    "WNI-VAE": ("wni_vae", {}, {"max_norm": (1.0, 2.0)}),
    "IWAE-8": ("iwae", {"num_importance_samples": 8}, {}),
    "DIWAE-8": ("diwae", {"num_importance_samples": 8}, {"noise_stddev": (0.2, 0.5)}),
}
_UNREGULARIZED = {"DVAE": "VAE", "WNI-VAE": "VAE", "DIWAE-8": "IWAE-8"}
_BATCH_SIZE, _STEPS_PER_EPOCH = 100, 100


@dataclasses.dataclass(frozen=True)
class DemoConfig:
    """Train VAE, DVAE, WNI-VAE, IWAE-8 and DIWAE-8 on 1,000 digits and compare them on 500.

    The strength of each regularizer is the one with the best validation IWAE-64 bound. Writes
    summary.json, pictures and an exported SavedModel.
    """

    out: str = "demo_out"
    """Folder for the results; it must be new or empty."""
    seed: int = 0
    """Seed of initial weights, shuffling, noise and samples."""
    max_epochs: int = 100
    """The most epochs, of 100 steps each; early stopping mostly ends earlier."""
    num_samples: int = 2000
    """k of the reported bounds."""


def demo(config):
    """Runs the comparison; returns the summary that it writes."""
    matplotlib.use("agg")
    path = pathlib.Path(config.out)
    run_folder.require_empty(path)
    data = air_tf.datasets.load("digits")
    count = sum(_num_candidates(grid) for _, _, grid in _STUDY.values())
    with tqdm.tqdm(total=count, desc="training", unit="model") as bar:
        winners = {title: _best(config, data, title, bar) for title in _STUDY}
    gaps = {
        title: air_tf.evaluation.inference_gaps(
            model,
            data.test,
            config.num_samples,
            seed=config.seed,
            batch_size=250,
            progress=False,
        )
        for title, (_, model, _) in tqdm.tqdm(winners.items(), desc="evaluating", unit="model")
    }
    path.mkdir(parents=True, exist_ok=True)
    summary = [
        {**_described(winners[title], config), "title": title, **gaps[title].summary()}
        for title in _STUDY
    ]
    files.write_json(path / "summary.json", summary)
    _draw(path, data, winners, gaps, config)
    rich.console.Console(width=110).print(_table(winners, gaps))
    _export(path, data, winners["DVAE"][1])
    print(f"Pictures and summary.json are in {path}")
    return summary


def _num_candidates(grid):
    return max(1, sum(len(values) for values in grid.values()))


def _best(config, data, title, bar):
    """The candidate with the best validation bound, as its strength, model and history."""
    name, options, grid = _STUDY[title]
    candidates = [{key: value} for key, values in grid.items() for value in values] or [{}]
    runs = []
    for strength in candidates:
        bar.set_postfix_str(f"{title} {json.dumps(strength) if strength else ''}")
        runs.append((strength, *_train(config, data, name, {**options, **strength})))
        bar.update()
    return max(runs, key=lambda run: max(run[2]["val_iwae"]))


def _train(config, data, name, options):
    model = air_tf.create_model(
        name, data.train.shape[1], latent_dim=50, seed=config.seed, **options
    )
    model.initialize_output_bias(data.train)
    model.compile(keras.optimizers.Adam(1e-3))
    keras.utils.set_random_seed(config.seed)
    batches = data.training_batches(_BATCH_SIZE, config.seed).repeat()
    history = model.fit(
        batches,
        steps_per_epoch=_STEPS_PER_EPOCH,
        epochs=config.max_epochs,
        validation_data=(data.validation,),
        validation_batch_size=len(data.validation),
        callbacks=[air_tf.callbacks.EarlyStopping(patience=10)],
        shuffle=False,
        verbose=0,
    )
    return model, history.history


def _described(winner, config):
    strength, model, history = winner
    noise = [layer for layer in model.encoder.layers if hasattr(layer, "stddev")]
    return {
        "model": model.name,
        "num_importance_samples": model.num_importance_samples,
        "noise_stddev": strength.get("noise_stddev", 0.0),
        "denoising_weight": noise[0].probability if noise else 0.0,
        "max_norm": strength.get("max_norm"),
        "seed": config.seed,
        "validation_iwae": max(history["val_iwae"]),
    }


def _table(winners, gaps):
    table = rich.table.Table(title="500 test digits, nats ± standard error")
    for column in ("model", "strength", "log p(x)", "ELBO", "inference gap", "Δ log p", "Δ gap"):
        justify = "left" if column in ("model", "strength") else "right"
        table.add_column(column, justify=justify, no_wrap=True)
    for title, estimates in gaps.items():
        strength = ", ".join(
            f"{STRENGTHS[key]}={value}" for key, value in winners[title][0].items()
        )
        plain = gaps.get(_UNREGULARIZED.get(title))
        differences = (
            ("", "")
            if plain is None
            else (
                str(estimates.log_likelihood - plain.log_likelihood),
                str(estimates.inference_gap - plain.inference_gap),
            )
        )
        table.add_row(
            title,
            strength,
            str(estimates.log_likelihood),
            str(estimates.elbo),
            str(estimates.inference_gap),
            *differences,
        )
    table.caption = "Δ: to the unregularized model, paired per example; strengths by validation."
    return table


def _draw(path, data, winners, gaps, config):
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, len(winners), figsize=(3 * len(winners), 6))
    for (title, (_, model, _)), column in zip(winners.items(), axes.T, strict=True):
        grids = air_tf.plotting.model_grids(model, data.test, data.image_shape, config.seed)
        for axis, (name, grid) in zip(column, grids.items(), strict=True):
            air_tf.plotting.show_grid(axis, grid, f"{title}: {name}")
    _save(figure, path / "samples.png")
    figure, axes = plt.subplots(1, 2, figsize=(11, 4))
    for title, (_, _, history) in winners.items():
        steps = _STEPS_PER_EPOCH * np.arange(1, 1 + len(history["val_iwae"]))
        axes[0].plot(steps, history["elbo"], label=title)
        axes[1].plot(steps, history["val_iwae"], label=title)
    axes[0].set(xlabel="optimizer steps", ylabel="nats", title="training ELBO", ylim=(-30, -20))
    axes[1].set(xlabel="optimizer steps", title="validation IWAE-64 bound", ylim=(-24.5, -23))
    axes[1].legend()
    _save(figure, path / "curves.png")
    figure, axes = plt.subplots(1, 3, figsize=(13, 4))
    for axis, name in zip(
        axes, ("inference_gap", "approximation_gap", "amortization_gap"), strict=True
    ):
        estimates = {title: getattr(value, name) for title, value in gaps.items()}
        air_tf.plotting.bars_with_errors(axis, estimates, f"{name.replace('_', ' ')} (nats)")
    _save(figure, path / "gaps.png")


def _save(figure, path):
    figure.tight_layout()
    figure.savefig(path, dpi=120)


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
