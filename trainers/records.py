"""The records of studies under `results/`, as estimates that can be averaged and subtracted."""

import dataclasses
import pathlib

import numpy as np

import air_tf
from air_tf.evaluation import Estimate
from trainers import run_folder

BOUNDS = ("log_likelihood", "importance_log_likelihood", "elbo", "optimal_elbo")
GAPS = {  # each the difference of two bounds
    "inference_gap": ("log_likelihood", "elbo"),
    "approximation_gap": ("log_likelihood", "optimal_elbo"),
    "amortization_gap": ("optimal_elbo", "elbo"),
}


@dataclasses.dataclass(frozen=True)
class CellRecord:
    """What is on record of a cell.

    Attributes:
        search: the record of its search, or None.
        curve: {hyperparameters as sorted pairs: test IWAE-5000 `Estimate`} of the search.
        finals: {seed: record of the final model}.
        values: {seed: {bound: per-example array}}.
    """

    search: dict | None
    curve: dict
    finals: dict
    values: dict

    def estimate(self, quantity, seeds=None):
        """A bound or a gap: mean over seeds for each example; seeds in common if given."""
        arrays = [self._of_seed(quantity, seed) for seed in seeds or sorted(self.values)]
        return Estimate(np.mean(arrays, axis=0))

    def seed_means(self, quantity):
        """The mean of each seed."""
        return [float(np.mean(self._of_seed(quantity, seed))) for seed in sorted(self.values)]

    def minus(self, other, quantity):
        """The difference to another cell, paired by example, over the seeds that both have."""
        seeds = sorted(self.values.keys() & other.values.keys())
        return self.estimate(quantity, seeds) - other.estimate(quantity, seeds)

    def _of_seed(self, quantity, seed):
        values = self.values[seed]
        if quantity in GAPS:
            high, low = GAPS[quantity]
            return values[high].astype(np.float64) - values[low]
        return values[quantity].astype(np.float64)


def read(folder, cells):
    """{cell: `CellRecord`} of the cells of a study that have any record, in their order."""
    found = {}
    for cell in cells:
        path = pathlib.Path(folder) / cell
        finals, values = {}, {}
        for file in sorted(path.glob("seed*.json")):
            seed = int(file.stem.removeprefix("seed"))
            finals[seed], values[seed] = _read(file)
        search, curve = None, {}
        if (path / "search.json").exists():
            search, arrays = _read(path / "search.json")
            curve = {
                trial["trial_id"]: Estimate(arrays[trial["trial_id"]]) for trial in search["trials"]
            }
        if finals or search:
            found[cell] = CellRecord(search, curve, finals, values)
    return found


def _read(path):
    record = run_folder.read_json(path)
    file = path.parent / record["per_example"]["file"]
    if air_tf.zoo.sha256(file) != record["per_example"]["sha256"]:
        raise ValueError(f"The values must be those of their record {path}. Received: {file}")
    with np.load(file, allow_pickle=False) as arrays:
        return record, dict(arrays)
