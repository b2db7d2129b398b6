"""The records of studies under `results/`, as estimates that can be averaged and subtracted."""

import dataclasses
import pathlib

import numpy as np

import air_tf
from air_tf.evaluation import Estimate, InferenceGaps
from trainers import run_folder

BOUNDS = tuple(field.name for field in dataclasses.fields(InferenceGaps))
STRENGTHS = {"noise_stddev": "σ", "max_norm": "H"}
# What the models of a search are evaluated by on test images, the best estimate first.
CURVES = {"log_likelihood": "log p(x)", "importance_log_likelihood": "IWAE-5000"}


@dataclasses.dataclass(frozen=True)
class CellRecord:
    """What is on record of a cell.

    Attributes:
        search: the record of its search, or None.
        curves: {bound: {trial: `Estimate` on test images}} of the search; records of older searches
            have IWAE-5000 alone.
        finals: {seed: record of the final model}.
        values: {seed: {bound: per-example array}}.
    """

    search: dict | None
    curves: dict
    finals: dict
    values: dict

    def estimate(self, quantity, seeds=None):
        """A bound or a gap: mean over seeds for each example; over all of them if None."""
        values = [self.values[seed] for seed in seeds or sorted(self.values)]
        bounds = {
            name: Estimate(np.mean([np.float64(value[name]) for value in values], axis=0))
            for name in BOUNDS
        }
        return getattr(InferenceGaps(**bounds), quantity)

    def seed_means(self, quantity):
        """The mean of each seed."""
        return [self.estimate(quantity, [seed]).mean for seed in sorted(self.values)]

    def minus(self, other, quantity):
        """The difference to another cell, paired by example, over the seeds that both have."""
        seeds = sorted(self.values.keys() & other.values.keys())
        return self.estimate(quantity, seeds) - other.estimate(quantity, seeds)


def read(folder, cells):
    """{cell: `CellRecord`} of the cells of a study that have any record, in their order."""
    found = {}
    for cell in cells:
        path = pathlib.Path(folder) / cell
        finals, values = {}, {}
        for file in sorted(path.glob("seed*.json")):
            seed = int(file.stem.removeprefix("seed"))
            finals[seed], values[seed] = _read(file)
        search, curves = None, {}
        if (path / "search.json").exists():
            search, arrays = _read(path / "search.json")
            trials = [trial["trial_id"] for trial in search["trials"]]
            curves = {
                bound: {trial: Estimate(arrays[f"{trial}_{bound}"]) for trial in trials}
                for bound in CURVES
                if all(f"{trial}_{bound}" in arrays for trial in trials)
            }
        if finals or search:
            found[cell] = CellRecord(search, curves, finals, values)
    return found


def curves(plan, cells, bound):
    """A bound on test images against the strength, of searches whose plain cell is on record.

    Yields:
        The cell's name, the hyperparameter, and [(strength, difference to the plain model of the
        search's seed, paired by example)] in the order of the strengths.
    """
    for name, cell in cells.items():
        plain = cells.get(plan.plain(name))
        if bound not in cell.curves or plain is None or not plain.values:
            continue
        base = plain.values[cell.search["config"]["seed"]][bound]
        for key in STRENGTHS:
            if plan.cells()[name].searched(key):
                points = []
                for trial in cell.search["trials"]:
                    values = cell.curves[bound][trial["trial_id"]]
                    difference = values - Estimate(base[: len(values.per_example)])
                    points.append((trial["hyperparameters"][key], difference))
                yield name, key, sorted(points, key=lambda point: point[0])


def training_curves(plan, cells):
    """The validation ELBO over training, of the variants that set m.

    Yields:
        The cell that they are variants of, m, epochs `[V]`, and ELBOs `[seeds, V]`.
    """
    for name, cell in cells.items():
        planned = plan.cells()[name]
        options = plan.variants[planned.variant].training if planned.variant else {}
        if "num_monte_carlo_samples" in options:
            curves = np.array([cell.finals[seed]["val_elbo"] for seed in sorted(cell.finals)])
            every = next(iter(cell.finals.values()))["config"]["validation_freq"]
            epochs = every * np.arange(1, curves.shape[1] + 1)
            yield planned.base, options["num_monte_carlo_samples"], epochs, curves


def _read(path):
    record = run_folder.read_json(path)
    file = path.parent / record["per_example"]["file"]
    if air_tf.zoo.sha256(file) != record["per_example"]["sha256"]:
        raise ValueError(f"The values must be those of their record {path}. Received: {file}")
    with np.load(file, allow_pickle=False) as arrays:
        return record, dict(arrays)
