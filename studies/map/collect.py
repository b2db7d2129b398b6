"""`python -m studies.map.collect`: the records of the map, from the values of its trainings."""

import dataclasses
import pathlib

import numpy as np

from air_tf import files
from studies.map import plan as plans
from studies.map import report, run
from trainers import command_line
from trainers.over_seeds_and_images import over_seeds_and_images

_CONFIG = (
    "dataset encoder_units decoder_units learning_rate learning_rate_decay batch_size"
).split()


@dataclasses.dataclass(frozen=True)
class CollectConfig:
    """Write results/map/DATASET_SIZE.json: what each training gave, and the differences."""

    plan: str = str(plans.PATH)
    """The plan, as YAML."""
    work: str = "runs/map"
    """Folder with the values of each training."""
    out: str = "results/map"
    """Folder of the records."""


@dataclasses.dataclass(frozen=True)
class Training:
    """The values of a training.

    Attributes:
        steps: optimizer steps of each evaluation: along training, and last the weights of the best
            validation IWAE-64 bound.
        log_likelihood, elbo: `[evaluations, test images]`, nats.
        validation: log p(x) `[evaluations, validation images]`, nats.
        about: how it was made.
    """

    steps: np.ndarray
    log_likelihood: np.ndarray
    elbo: np.ndarray
    validation: np.ndarray
    about: dict

    def index(self, stopped):
        """The evaluation at which a way to stop, a key of `report.TITLES`, stops."""
        along = self.validation[:-1].mean(axis=1)
        return {"iwae": -1, "log_likelihood": int(np.argmax(along)), "end": -2}[stopped]

    def quantities(self, stopped):
        """{quantity: values of test images} of the weights that a rule keeps."""
        i = self.index(stopped)
        bounds = {"log_likelihood": self.log_likelihood[i], "elbo": self.elbo[i]}
        return {**bounds, "inference_gap": bounds["log_likelihood"] - bounds["elbo"]}


def collect(config):
    """Writes the record of each data set and size whose plain model is trained."""
    plan = plans.read(config.plan)
    for group, cells in plan.cells.items():
        trained = {name: _read(config.work, cell) for name, cell in cells.items()}
        if trained[plans.BASELINE]:
            found = {name: of_seeds for name, of_seeds in trained.items() if of_seeds}
            path = pathlib.Path(config.out, f"{group}.json")
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_json(path, record(plan, cells, found))


def _read(work, cell):
    """{seed: `Training`} of the finished trainings of a cell."""
    found = {}
    for seed in cell.seeds:
        path = run.values_path(work, cell, seed)
        if path.exists():
            with np.load(path, allow_pickle=False) as values:
                found[seed] = Training(**values, about=files.read_json(path.with_suffix(".json")))
    return found


def record(plan, cells, trained):
    """The record of a data set and size, as JSON values.

    Args:
        plan: `plan.Plan`.
        cells: {name: `plan.Cell`}.
        trained: {name: {seed: `Training`}}.

    Returns:
        {"evaluation", "cells": {name: {"model", "strength", "num_steps", "trainings": [...],
        "stopped": {rule: {...}}}}}. The errors of a training are over images. Those under
        "stopped" are over seeds and images; a difference is paired by both, for the seeds that it
        has in common with the plain model. Nats.
    """
    baseline = trained[plans.BASELINE]
    first = next(iter(cells.values()))
    return {
        "data_set": first.data_set,
        "size": first.size,
        "num_steps": first.num_steps,
        "evaluation": plan.evaluation,
        "config": {key: getattr(first.config, key) for key in _CONFIG},
        "cells": {
            name: {
                "model": cells[name].model,
                "strength": cells[name].strength,
                "trainings": [_training(seed, found) for seed, found in of_seeds.items()],
                "stopped": {
                    rule: _stopped(rule, of_seeds, None if name == plans.BASELINE else baseline)
                    for rule in report.TITLES
                },
            }
            for name, of_seeds in trained.items()
        },
    }


def _training(seed, found):
    means = {
        name: [round(float(mean), 4) for mean in getattr(found, name).mean(axis=1)]
        for name in ("log_likelihood", "elbo", "validation")
    }
    steps = found.steps.tolist()
    return {"seed": seed, "steps": steps, **means, **found.about}


def _stopped(rule, of_seeds, baseline):
    """What a way to stop gives: quantities, differences from plain, log p(x) of validation."""
    kept = [(found, found.index(rule)) for found in of_seeds.values()]
    result = {
        "validation": [round(float(found.validation[i].mean()), 4) for found, i in kept],
        "steps": [int(found.steps[i]) for found, i in kept],
        **_estimates({seed: found.quantities(rule) for seed, found in of_seeds.items()}),
    }
    for name, of_baseline in (("delta", rule), ("delta_to_best_stopped", "log_likelihood")):
        others = of_seeds if baseline is None else baseline
        shared = of_seeds.keys() & others.keys()
        if shared and (baseline is not None or of_baseline != rule):
            result[name] = _estimates(
                {
                    seed: _minus(
                        of_seeds[seed].quantities(rule), others[seed].quantities(of_baseline)
                    )
                    for seed in shared
                }
            )
    return result


def _minus(ours, theirs):
    return {name: ours[name] - theirs[name] for name in ours}


def _estimates(of_seeds):
    """{quantity: mean, error over seeds and images, and the mean of each seed}."""
    seeds = sorted(of_seeds)
    found = {}
    for name in of_seeds[seeds[0]]:
        values = np.stack([of_seeds[seed][name] for seed in seeds])
        means = [round(float(mean), 4) for mean in values.mean(axis=1, dtype=np.float64)]
        found[name] = {**over_seeds_and_images(values), "of_seeds": means}
    return found


if __name__ == "__main__":
    command_line.run(collect, CollectConfig)
