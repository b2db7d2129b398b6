"""`python -m studies.map.second_opinion`: AIS on one cell of each data set of the map."""

import dataclasses
import pathlib
import warnings

import numpy as np
import tqdm

import air_tf
from air_tf import files
from studies.map import plan as plans
from studies.map import report, run
from trainers import command_line, provenance, train, trajectory
from trainers.over_seeds_and_images import over_seeds_and_images

# Of each data set, the cell with the largest difference where nothing stops the training.
CELLS = {"digits_300": ("vae", "dvae_0.4"), "caltech_1000": ("vae", "dvae_0.2")}
NUM_TEMPERATURES = 1000


@dataclasses.dataclass(frozen=True)
class SecondOpinionConfig:
    """Train cells of the map again, and estimate log p(x) by AIS too, which uses no encoder.

    Nothing stops the trainings. Writes results/map/second_opinion.json. Finished trainings are not
    done again.
    """

    num_images: int = 100
    """Test images, the first ones."""
    plan: str = str(plans.PATH)
    """The plan, as YAML."""
    work: str = "runs/map_second_opinion"
    """Folder for the values of each training."""
    out: str = "results/map/second_opinion.json"
    """The record."""
    data_dir: str | None = None
    """Where TFDS keeps prepared data; TFDS's default if None."""
    manual_dir: str | None = None
    """Folder with the original files of the data set, for machines without a network."""


def second_opinion(config: SecondOpinionConfig) -> dict:
    """Runs the missing trainings; returns the record that it writes."""
    plan = plans.read(config.plan)
    groups = {
        group: {name: _values(plan.cells[group][name], plan, config) for name in names}
        for group, names in CELLS.items()
    }
    record = {
        "seeds": plan.seeds,
        "num_images": config.num_images,
        "num_temperatures": NUM_TEMPERATURES,
        "versions": provenance.current_versions(),
        "groups": {group: _compared(of_cells) for group, of_cells in groups.items()},
    }
    files.write_json(pathlib.Path(config.out), record)
    return record


def _values(cell, plan, config):
    """{quantity: `[seeds, images]`} of a cell; it trains what is missing."""
    folders = {"data_dir": config.data_dir, "manual_dir": config.manual_dir}
    data = train.load(dataclasses.replace(cell.config, **folders))
    found = []
    for seed in tqdm.tqdm(plan.seeds, desc=f"{cell.group}/{cell.name}", unit="training"):
        path = run.values_path(config.work, cell, seed)
        if not path.exists():
            of_seed = plans.subset(data, cell.size, seed)
            model = run.build(cell, seed, of_seed)
            trajectory.fit(model, of_seed, seed, cell.course)
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_arrays(path, _evaluated(model, data.test, seed, plan, config))
        with np.load(path, allow_pickle=False) as values:
            found.append(dict(values))
    return {name: np.stack([values[name] for values in found]) for name in found[0]}


def _evaluated(model, test, seed, plan, config):
    # The record has the shares that they would name.
    warnings.simplefilter("ignore", air_tf.evaluation.UnreliableEstimateWarning)
    x, options = test[: config.num_images], {"seed": seed, "progress": False}
    num_samples = plan.evaluation["num_samples"]
    estimates = {
        "map": air_tf.evaluation.iw_svi(model, x, num_samples, quality="fast", **options),
        "iw_svi": air_tf.evaluation.iw_svi(model, x, quality="tight", **options),
        "ais": air_tf.evaluation.ais(model, x, NUM_TEMPERATURES, **options),
    }
    values = {name: estimate.per_example for name, estimate in estimates.items()}
    return {
        **values,
        "unreliable": estimates["iw_svi"].unreliable,
        "acceptance": estimates["ais"].acceptance,
    }


def _compared(of_cells):
    """Each cell's estimates and their differences, over seeds and images, as JSON values."""
    (plain, ours) = of_cells
    names = report.ESTIMATORS
    return {
        "cells": {
            cell: {
                **{name: over_seeds_and_images(values[name]) for name in names},
                "ais_minus_iw_svi": over_seeds_and_images(values["ais"] - values["iw_svi"]),
                "unreliable_share": float(np.mean(values["unreliable"])),
                "acceptance": float(np.mean(values["acceptance"])),
            }
            for cell, values in of_cells.items()
        },
        "delta": {
            name: over_seeds_and_images(of_cells[ours][name] - of_cells[plain][name])
            for name in names
        },
        # How much of the map's difference is the estimator's.
        "delta_ais_minus_map": over_seeds_and_images(
            of_cells[ours]["ais"]
            - of_cells[ours]["map"]
            - (of_cells[plain]["ais"] - of_cells[plain]["map"])
        ),
    }


if __name__ == "__main__":
    command_line.run(second_opinion, SecondOpinionConfig)
