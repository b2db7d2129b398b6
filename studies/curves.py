"""Curves from the records of a study: bounds against the strength, bounds over training."""

import dataclasses

import numpy as np

from air_tf.evaluation import Estimate
from trainers.train_config import STRENGTHS

WEAKEST = "the weakest"


@dataclasses.dataclass(frozen=True)
class Curve:
    """A bound on test images against a regularizer's strength, from the models of a search.

    Attributes:
        cell: the cell that was searched.
        hyperparameter: noise_stddev or max_norm.
        strengths: from weak to strong.
        differences: an `Estimate` for each strength: the difference from the reference, paired by
            image.
        reference: the cell of the plain model of the same k and seed. It is None if that model was
            trained for another number of epochs; then the weakest strength is the reference.
        best: index of the strength with the best validation bound.
    """

    cell: str
    hyperparameter: str
    strengths: list
    differences: list
    reference: str | None
    best: int


def severity(key, value):
    """A number that grows with a regularizer's strength; a lower cap is stronger."""
    return -value if key == "max_norm" else value


def from_weak_to_strong(trials, key):
    """The trials of a search, sorted by the strength of a hyperparameter."""
    return sorted(trials, key=lambda trial: severity(key, trial["hyperparameters"][key]))


def against_strength(plan, cells, bound):
    """Yields a `Curve` of a bound for each search whose plain cell has a record."""
    for name, cell in cells.items():
        plain = cells.get(plan.plain(name))
        if cell.search is None or plain is None:
            continue
        seed, epochs = (cell.search["config"][key] for key in ("seed", "epochs"))
        if seed not in plain.finals:
            continue
        for key in STRENGTHS:
            if not plan.cells[name].searched(key):
                continue
            trials = from_weak_to_strong(cell.search["trials"], key)
            values = [cell.curves[bound][trial["trial_id"]] for trial in trials]
            reference, base = None, values[0]
            if plain.finals[seed]["config"]["epochs"] == epochs:
                reference = plan.plain(name)
                base = Estimate(plain.values[seed][bound][: len(values[0].per_example)])
            yield Curve(
                name,
                key,
                [trial["hyperparameters"][key] for trial in trials],
                [value - base for value in values],
                reference,
                int(np.argmax([trial["score"] for trial in trials])),
            )


def over_training(plan, cells):
    """The validation ELBO over training, for the variants that set m.

    Yields:
        The base cell of the variants, m, the epochs between validations, and {seed: ELBOs}.
    """
    for name, cell in cells.items():
        planned = plan.cells[name]
        options = plan.variants[planned.variant].training if planned.variant else {}
        if "num_monte_carlo_samples" in options:
            yield planned.base, options["num_monte_carlo_samples"], *_validations(cell, "val_elbo")


def to_stop_by(plan, cells):
    """The stopping bounds over training, for the variants that stop by IW-SVI.

    Yields:
        The bound, the base cell of the variants, the epochs between validations, and a list of the
        bounds of each seed.
    """
    for name, cell in cells.items():
        if any("val_iw_svi" in final for final in cell.finals.values()):
            for bound in ("val_iwae", "val_iw_svi"):
                every, of_seeds = _validations(cell, bound)
                yield bound, plan.cells[name].base, every, list(of_seeds.values())


def _validations(cell, bound):
    """Epochs between validations, and {seed: values of the bound}."""
    of_seeds = {seed: cell.finals[seed][bound] for seed in sorted(cell.finals)}
    return next(iter(cell.finals.values()))["config"]["validation_freq"], of_seeds
