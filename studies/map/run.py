"""`python -m studies.map.run`: train and evaluate the cells of the map."""

import dataclasses
import pathlib
import time

import numpy as np
import tqdm

import air_tf
from air_tf import checks, files
from studies.map import plan as plans
from trainers import command_line, provenance, train, trajectory

BOUNDS = ("log_likelihood", "elbo")


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Train each cell of the map with each seed, evaluate it along the way, and keep the values.

    Finished trainings are not done again. Several commands may run at once on different cells.
    Then `python -m studies.map.collect` writes the records.
    """

    only: tuple[str, ...] = ()
    """Run only these, such as caltech_500 or caltech_500/dvae_0.2; all if none is named."""
    seeds: tuple[int, ...] | None = None
    """Run only these seeds of a cell; all of the plan if None."""
    plan: str = str(plans.PATH)
    """The plan, as YAML."""
    work: str = "runs/map"
    """Folder for the values of each training."""
    data_dir: str | None = None
    """Where TFDS keeps prepared data; TFDS's default if None."""
    manual_dir: str | None = None
    """Folder with the original files of the data set, for machines without a network."""


def run(config):
    """Runs the missing trainings."""
    plan = plans.read(config.plan)
    cells = [cell for of_group in plan.cells.values() for cell in of_group.values()]
    for name in config.only:
        names = {cell.group for cell in cells} | {f"{cell.group}/{cell.name}" for cell in cells}
        checks.one_of("only", name, sorted(names))
    for cell in cells:
        if not config.only or {cell.group, f"{cell.group}/{cell.name}"} & set(config.only):
            _run_cell(cell, plan, config)


def values_path(work, cell, seed):
    """The file with the values of a training; a JSON file beside it says how it was made."""
    return pathlib.Path(work, cell.group, cell.name, f"seed{seed}.npz")


def _run_cell(cell, plan, config):
    missing = [seed for seed in cell.seeds if config.seeds is None or seed in config.seeds]
    missing = [seed for seed in missing if not values_path(config.work, cell, seed).exists()]
    if not missing:
        return
    folders = {"data_dir": config.data_dir, "manual_dir": config.manual_dir}
    data, model = train.load(dataclasses.replace(cell.config, **folders)), None
    total = cell.num_steps * len(missing)
    with tqdm.tqdm(total=total, unit="step", desc=f"{cell.group}/{cell.name}") as bar:
        for seed in missing:
            start = time.perf_counter()
            of_seed = plans.subset(data, cell.size, seed)
            fresh = build(cell, seed, of_seed)
            if model is None:
                model = fresh
            trajectory.restart(model, fresh)
            found = follow(model, cell, seed, of_seed, plan.evaluation, bar)
            _write(values_path(config.work, cell, seed), found, time.perf_counter() - start)


def build(cell, seed, data):
    """The compiled model of a cell, not yet trained."""
    return train.build(dataclasses.replace(cell.config, seed=seed), data)


def follow(model, cell, seed, data, evaluation, bar):
    """The `Trajectory` of a training.

    Each evaluation is a dict: bounds of test images and log p(x) of validation images, each
    `[images]` in nats.
    """
    counts = {"num_samples": evaluation["num_samples"], "quality": "fast"}
    options = {**counts, "seed": seed, "batch_size": 100, "progress": False}
    test = data.test[: evaluation["num_test"]]
    validation = data.validation[: evaluation["num_validation"]]

    def evaluate():
        gaps = air_tf.evaluation.inference_gaps(model, test, **options)
        of_validation = air_tf.evaluation.iw_svi(model, validation, **options)
        bounds = {name: getattr(gaps, name).per_example for name in BOUNDS}
        return {**bounds, "validation": of_validation.per_example}

    return trajectory.follow(model, data, seed, cell.course, evaluate, bar)


def _write(path, found, seconds):
    steps = [*found.along, found.early_steps]
    evaluations = [*found.along.values(), found.early]
    values = {name: np.stack([e[name] for e in evaluations]) for name in evaluations[0]}
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"seconds": seconds, "versions": provenance.current_versions()}
    files.write_json(path.with_suffix(".json"), about)
    files.write_arrays(path, {"steps": np.array(steps), **values})


if __name__ == "__main__":
    command_line.run(run, RunConfig)
