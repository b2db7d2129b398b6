"""`python -m trainers.evaluate PATH`: log p(x), ELBO and inference gaps of a trained model."""

import dataclasses
import math
import pathlib
import shutil
from typing import Literal

import numpy as np
import rich.console
import rich.table
import tyro

import air_tf
from air_tf import checks, checksums, distributions, evaluation, files
from trainers import command_line, provenance, run_folder, saved_models, strategies, train


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """Evaluate a trained model: log p(x) by IW-SVI and importance sampling, ELBO, gaps (nats).

    Prints a table, and writes evaluation_SPLIT.json and, with the per-example values,
    evaluation_SPLIT.npz. The same command resumes an interrupted evaluation. A SavedModel gives
    only what its endpoints compute: log p(x) by importance sampling, the ELBO, and their
    difference, a lower bound of the inference gap. For a discretized logistic likelihood, log p(x)
    is given in bits per dimension, too.
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
    if is_saved_model and (config.ais or config.bdmc):
        raise ValueError(
            "A SavedModel has no endpoint for annealing; a run folder is needed. "
            f"Received: ais={config.ais}, bdmc={config.bdmc}"
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
    x = _examples(config, trained, shape)
    out = _out(config, path, trained)
    backups = None
    if out is not None:
        backups = out / run_folder.EVALUATION_BACKUPS / config.split
    if is_saved_model:
        estimates, bdmc = saved_models.evaluate(path, model, x, config, backups), None
    else:
        estimates = _of_run(model, x, config, backups)
        bdmc = _bdmc(model, config, backups)
    if trained.likelihood == "discretized_logistic":
        estimates["bits_per_dimension"] = _bits_per_dimension(estimates, x[0].size)
    if not strategies.is_chief(strategy):
        return estimates
    if out is not None:
        evaluation_report.write(out, config, estimates, len(x), bdmc)
        shutil.rmtree(backups, ignore_errors=True)
    rich.console.Console().print(evaluation_report.table(config, estimates, len(x)))
    if bdmc is not None:
        bounds = ", ".join(f"{name} {getattr(bdmc, name)}" for name in bdmc.summary())
        print(f"On {config.bdmc} simulated examples: {bounds}")
    return estimates


def _examples(config, trained, shape):
    """The examples to evaluate, `[N, *shape]`; images may be flat in the data set, or not."""
    if config.num_examples is not None:
        checks.positive_int("num_examples", config.num_examples)
    loaded = dataclasses.replace(
        trained,
        dataset=config.dataset or trained.dataset,
        data_dir=config.data_dir or trained.data_dir,
        manual_dir=config.manual_dir or trained.manual_dir,
        # Training examples that are drawn again in each epoch are evaluated as drawn once.
        binarization="static" if trained.binarization == "dynamic" else trained.binarization,
    )
    x = getattr(train.load(loaded), config.split)[: config.num_examples]
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


def _of_run(model, x, config, backups):
    gaps = evaluation.inference_gaps(
        model,
        x,
        config.num_samples,
        config.num_train_samples,
        config.max_steps,
        **_shared(config, backups),
    )
    estimates = {name: getattr(gaps, name) for name in gaps.summary()}
    if config.ais is not None:
        estimates["ais"] = evaluation.ais(model, x, config.ais, **_shared(config, backups))
    return estimates


def _bdmc(model, config, backups):
    if config.bdmc is None:
        return None
    options = {} if config.ais is None else {"num_temperatures": config.ais}
    return evaluation.bdmc(model, config.bdmc, **options, **_shared(config, backups))


def _shared(config, backups):
    return {"seed": config.seed, "batch_size": config.batch_size, "backup_dir": backups}


if __name__ == "__main__":
    command_line.run(evaluate, EvaluateConfig)
