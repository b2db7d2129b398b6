"""The records of studies under `results/`, as estimates to average and subtract."""

import dataclasses
import pathlib

import numpy as np

from air_tf import checksums, files
from air_tf.evaluation import Estimate, InferenceGaps

BOUNDS = tuple(field.name for field in dataclasses.fields(InferenceGaps))
# The bounds that evaluate the models of a search on test images; the best estimate comes first.
CURVES = {"log_likelihood": "log p(x)", "importance_log_likelihood": "IWAE-5000"}
# Bounds on validation images; the record of a final model has their values over training.
OVER_TRAINING = {"val_elbo": "ELBO", "val_iwae": "IWAE-64", "val_iw_svi": "log p(x) by IW-SVI"}
STUDY_VERSION = "0.1"  # of air_tf; the records that name no version are of this one


@dataclasses.dataclass(frozen=True)
class CellRecord:
    """The records of a cell, all estimated by one version of air_tf.

    Attributes:
        version: of air_tf, without the patch. Another version may estimate log p(x) differently.
        search: the record of its search, or None.
        curves: {bound: {trial: `Estimate` on test images}} of the search; empty without one.
        finals: {seed: record of the final model}.
        values: {seed: {bound: per-example array}}.
    """

    version: str
    search: dict | None = None
    curves: dict = dataclasses.field(default_factory=dict)
    finals: dict = dataclasses.field(default_factory=dict)
    values: dict = dataclasses.field(default_factory=dict)

    def estimate(self, quantity, seeds=None):
        """A bound or a gap of each example: the mean over the seeds, over all seeds if None."""
        seeds = sorted(self.values) if seeds is None else seeds
        values = [self.values[seed] for seed in seeds]
        bounds = {
            name: Estimate(np.mean([np.float64(value[name]) for value in values], axis=0))
            for name in BOUNDS
        }
        return getattr(InferenceGaps(**bounds), quantity)

    def seed_means(self, quantity):
        """The mean of each seed."""
        return [self.estimate(quantity, [seed]).mean for seed in sorted(self.values)]

    def minus(self, other, quantity, seeds=None):
        """The difference from another cell, paired by example; over all shared seeds if None."""
        seeds = self.shared_seeds(other) if seeds is None else seeds
        return self.estimate(quantity, seeds) - other.estimate(quantity, seeds)

    def minus_by_seed(self, other, quantity):
        """The mean difference of each seed that both cells have."""
        return [self.minus(other, quantity, [s]).mean for s in self.shared_seeds(other)]

    def shared_seeds(self, other):
        """The seeds for which both cells have a final model."""
        return sorted(self.values.keys() & other.values.keys())


def read(folder, cells):
    """{version: {cell: `CellRecord`}} of the cells of a study, in the study's order.

    A cell that two versions estimated has a `CellRecord` of each, so that no difference mixes them.
    """
    found = {}
    for cell in cells:
        for version, record in _of_cell(pathlib.Path(folder) / cell).items():
            found.setdefault(version, {})[cell] = record
    return dict(sorted(found.items(), key=lambda item: _numbers(item[0])))


def _of_cell(path):
    """{version: `CellRecord`} of the records in a folder."""
    found = {}
    for file in sorted(path.glob("seed*.json")):
        record, arrays = _read(file)
        of_version = found.setdefault(_version(record), CellRecord(_version(record)))
        seed = int(file.stem.removeprefix("seed"))
        of_version.finals[seed], of_version.values[seed] = record, arrays
    if (path / "search.json").exists():
        record, arrays = _read(path / "search.json")
        trials = [trial["trial_id"] for trial in record["trials"]]
        curves = {
            bound: {trial: Estimate(arrays[f"{trial}_{bound}"]) for trial in trials}
            for bound in CURVES
        }
        version = _version(record)
        others = found.get(version, CellRecord(version))
        found[version] = dataclasses.replace(others, search=record, curves=curves)
    return found


def _version(record):
    """The version of air_tf that made the estimates of a record."""
    trained = record.get("versions", {})
    evaluated = record.get("test", {}).get("versions", trained)
    return ".".join(evaluated.get("air_tf", STUDY_VERSION).split(".")[:2])


def _numbers(version):
    return [int(number) for number in version.split(".")]


def write_per_example(path, values):
    """Writes float32 arrays to a file beside a record; returns the file's name and SHA-256."""
    file = path.with_suffix(".npz")
    file.parent.mkdir(parents=True, exist_ok=True)
    files.write_arrays(file, {name: np.float32(array) for name, array in values.items()})
    return {"file": file.name, "sha256": checksums.sha256(file)}


def _read(path):
    record = files.read_json(path)
    file = path.parent / record["per_example"]["file"]
    if checksums.sha256(file) != record["per_example"]["sha256"]:
        raise ValueError(f"The values must match their record {path}. Received: {file}")
    with np.load(file, allow_pickle=False) as arrays:
        return record, dict(arrays)
