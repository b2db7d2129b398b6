"""`python -m trainers.evaluate PATH`: log p(x), ELBO and inference gaps of a trained model."""

import dataclasses
import math
import pathlib
import shutil
from typing import Literal

import rich.console
import rich.table
import tyro

import air_tf
from air_tf import checks, checksums, distributions, evaluation
from trainers import (
    command_line,
    evaluation_report,
    model_evaluation,
    run_folder,
    saved_models,
    strategies,
    train,
)


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """Evaluate a trained model: log p(x) by IW-SVI and importance sampling, ELBO, gaps (nats).

    Prints tables, and writes evaluation_SPLIT.json and, with the per-example values,
    evaluation_SPLIT.npz. Beside each estimate by importance weights stands the share of examples
    for which a few weights decide it (Pareto k̂ > 0.7). The same command resumes an interrupted
    evaluation. A SavedModel gives only what its endpoints compute: log p(x) by importance sampling,
    the ELBO, and their difference, a lower bound of the inference gap. For a discretized logistic
    likelihood, log p(x) is given in bits per dimension, too.
    """

    run: tyro.conf.Positional[str]
    """Run folder that trainers.train wrote, published model, or SavedModel."""
    out: str | None = None
    """Folder for the two files; if None, the run folder. For the other two kinds, or for a data set
    that the run was not trained on, None writes no files."""
    dataset: str | None = None
    """Data set; the run's own if None."""
    likelihood: str | None = None
    """Likelihood of a SavedModel that has no config of its training; the run's own if None."""
    data_dir: str | None = None
    """Where TFDS keeps prepared data; the run's own if None."""
    manual_dir: str | None = None
    """Folder with the original files; the run's own if None."""
    split: Literal["train", "validation", "test"] = "test"
    """Which examples."""
    num_examples: int | None = None
    """Evaluate only this many examples, the first ones; all if None."""
    quality: Literal["fast", "default", "tight"] = "default"
    """What the three numbers below are where they are not given."""
    num_samples: int | None = None
    """k, samples of the bound reported as log p(x)."""
    num_train_samples: int | None = None
    """k̂, samples of the bound that IW-SVI maximises."""
    max_steps: int | None = None
    """T, gradient steps of IW-SVI for each example."""
    ais: int | None = None
    """Also estimate log p(x) by annealed importance sampling with this many temperatures, such as
    1000."""
    bdmc: int | None = None
    """Also bound log p(x) from both sides on this many examples simulated from the model."""
    generalization: bool = False
    """Also evaluate training examples, at most as many, and say what is lost from them to these:
    by the decoder, by the encoder and by the variational family."""
    batch_size: int = 100
    """Examples evaluated at once."""
    strategy: Literal["mirrored", "multi_worker"] | None = None
    """Divide the batches among all devices of this host, or among hosts (see
    trainers.host_commands)."""
    seed: int = 0
    """Seed of all samples."""


def evaluate(config):
    """Evaluates a run folder or a SavedModel; returns {quantity: `Estimate`}."""
    effort = {name: getattr(config, name) for name in evaluation.QUALITIES[config.quality]}
    config = dataclasses.replace(config, **evaluation.spent_effort(config.quality, **effort))
    path = pathlib.Path(config.run).resolve()
    is_saved_model = (path / "saved_model.pb").exists()
    if is_saved_model and config.strategy is not None:
        raise ValueError(
            "A SavedModel is evaluated on one device; a run folder takes a strategy. "
            f"Received: strategy={config.strategy!r}"
        )
    further = {name: getattr(config, name) for name in ("ais", "bdmc", "generalization")}
    if is_saved_model and any(further.values()):
        given = ", ".join(f"{name}={value}" for name, value in further.items() if value)
        raise ValueError(
            f"A SavedModel has no endpoints for these; a run folder is needed. Received: {given}"
        )
    strategy = strategies.make(config.strategy)
    for published in (path, path.parent):  # a published model's folder, or the SavedModel in it
        if any((published / name).exists() for name in (checksums.HASHES, air_tf.zoo.CARD)):
            air_tf.zoo.verify(published)
    if is_saved_model:
        trained, model = saved_models.load(path, config.dataset, config.likelihood)
    else:
        with strategy.scope():
            trained, model = run_folder.load(path)
    if config.likelihood not in (None, trained.likelihood):
        raise ValueError(
            f"`likelihood` must be that of the trained model, {trained.likelihood!r}. "
            f"Received: likelihood={config.likelihood!r}"
        )
    shape = saved_models.observation_shape(model) if is_saved_model else model.observation_shape
    data = _data(config, trained)
    x = _examples(config, data, config.split, shape)
    out = _out(config, path, trained)
    backups = None
    if out is not None:
        backups = out / run_folder.EVALUATION_BACKUPS / config.split
    if is_saved_model:
        estimates, reports = saved_models.evaluate(path, model, x, config, backups), {}
    else:
        train_x = None
        if config.generalization:
            train_x = _examples(config, data, "train", shape)[: len(x)]
        estimates, reports = model_evaluation.evaluate(model, x, train_x, config, backups)
    if trained.likelihood == "discretized_logistic":
        estimates["bits_per_dimension"] = _bits_per_dimension(estimates, x[0].size)
    if not strategies.is_chief(strategy):
        return estimates
    if out is not None:
        evaluation_report.write(out, config, estimates, reports, len(x))
        shutil.rmtree(backups, ignore_errors=True)
    for table in evaluation_report.tables(config, estimates, reports, len(x)):
        rich.console.Console().print(table)
    return estimates


def _data(config, trained):
    """The data set of the config, else that of the training."""
    loaded = dataclasses.replace(
        trained,
        dataset=config.dataset or trained.dataset,
        data_dir=config.data_dir or trained.data_dir,
        manual_dir=config.manual_dir or trained.manual_dir,
        # Training examples that are drawn again in each epoch are evaluated as drawn once.
        binarization="static" if trained.binarization == "dynamic" else trained.binarization,
    )
    return train.load(loaded)


def _examples(config, data, split, shape):
    """The examples to evaluate, `[N, *shape]`; images may be flat in the data set, or not."""
    if config.num_examples is not None:
        checks.positive_int("num_examples", config.num_examples)
    x = getattr(data, split)[: config.num_examples]
    if x[0].size == math.prod(shape) and 1 in (x.ndim - 1, len(shape), x.shape[-1], shape[-1]):
        x = x.reshape(-1, *shape)
    return checks.observations(x, shape)


def _bits_per_dimension(estimates, num_dimensions):
    names = ("log_likelihood", "importance_log_likelihood")
    log_likelihood = next(estimates[name] for name in names if name in estimates)
    values = distributions.bits_per_dimension(log_likelihood.per_example, num_dimensions)
    return evaluation.Estimate(values)


def _out(config, path, trained):
    """The folder to write to; None if the results belong to no folder."""
    if config.out is None:
        is_run = (path / run_folder.METRICS).exists()
        return path if is_run and config.dataset in (None, trained.dataset) else None
    out = pathlib.Path(config.out)
    for hashes in (out / checksums.HASHES, out / run_folder.EXPORTED_HASHES):
        if hashes.exists():
            raise ValueError(
                f"`out` must not be a folder whose files {hashes} lists. Received: out={out}"
            )
    return out


if __name__ == "__main__":
    command_line.run(evaluate, EvaluateConfig)
