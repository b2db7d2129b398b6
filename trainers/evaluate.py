"""`python -m trainers.evaluate RUN`: log p(x), ELBO and inference gaps of a trained model."""

import dataclasses
import pathlib
from typing import Literal

import numpy as np
import rich.console
import rich.table
import tyro

import air_tf
from trainers import command_line, run_folder


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """Evaluate a run folder: log p(x) by IW-SVI and by importance sampling, ELBO, gaps (nats).

    Prints a table and writes evaluation_SPLIT.json and, with the per-example values,
    evaluation_SPLIT.npz into the run folder.
    """

    run: tyro.conf.Positional[str]
    """Run folder that trainers.train wrote."""
    dataset: str | None = None
    """Data set; the run's own if None."""
    data_dir: str | None = None
    """Where TFDS keeps prepared data; the run's own if None."""
    manual_dir: str | None = None
    """Folder with the original files; the run's own if None."""
    split: Literal["train", "validation", "test"] = "test"
    """Which images."""
    num_examples: int | None = None
    """Only the first so many images; all if None."""
    num_samples: int = 5000
    """k, samples of the bound reported as log p(x)."""
    num_train_samples: int = 8
    """k̂, samples of the bound that IW-SVI optimises."""
    max_steps: int = 500
    """T, the most gradient steps of IW-SVI on an example."""
    batch_size: int = 100
    """Examples evaluated at once."""
    seed: int = 0
    """Of all samples."""


def evaluate(config):
    """Evaluates a run folder; returns the `InferenceGaps`."""
    path = pathlib.Path(config.run)
    trained, model = run_folder.load(path)
    data = air_tf.datasets.load(
        config.dataset or trained.dataset,
        data_dir=config.data_dir or trained.data_dir,
        manual_dir=config.manual_dir or trained.manual_dir,
    )
    x = getattr(data, config.split)[: config.num_examples]
    gaps = air_tf.evaluation.inference_gaps(
        model,
        x,
        config.num_samples,
        config.num_train_samples,
        config.max_steps,
        seed=config.seed,
        batch_size=config.batch_size,
    )
    summary = gaps.summary()
    names = [field.name for field in dataclasses.fields(gaps)]
    np.savez_compressed(
        path / f"evaluation_{config.split}.npz",
        num_steps=gaps.log_likelihood.num_steps,
        **{name: getattr(gaps, name).per_example for name in names},
    )
    run_folder.write_json(
        path / f"evaluation_{config.split}.json",
        {
            "config": dataclasses.asdict(config),
            "num_examples": len(x),
            "mean_steps": float(np.mean(gaps.log_likelihood.num_steps)),
            **summary,
        },
    )
    rich.console.Console().print(_table(config, summary, len(x)))
    return gaps


def _table(config, summary, num_examples):
    titles = {
        "log_likelihood": f"log p(x), IW-SVI, k = {config.num_samples}",
        "importance_log_likelihood": f"log p(x), IWAE-{config.num_samples}",
        "elbo": "ELBO L(x)",
        "inference_gap": "inference gap",
        "approximation_gap": "approximation gap",
        "amortization_gap": "amortization gap",
    }
    table = rich.table.Table(title=f"{config.run}: {num_examples} {config.split} images, nats")
    table.add_column("")
    table.add_column("mean", justify="right")
    table.add_column("± s.e.", justify="right")
    for name, title in titles.items():
        value = summary[name]
        table.add_row(title, f"{value['mean']:.3f}", f"{value['standard_error']:.3f}")
    return table


if __name__ == "__main__":
    command_line.run(evaluate, EvaluateConfig)
