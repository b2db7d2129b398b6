"""A study: a data set, and the cells that are compared on it."""

import dataclasses
import functools
import pathlib

from air_tf import checks
from studies.cell import Cell
from studies.variant import Variant
from trainers import command_line

FOLDER = pathlib.Path(__file__).with_name("plan")


@dataclasses.dataclass(frozen=True)
class Study:
    """The content of `studies/plan/NAME.yaml`; the file has the reason for each choice.

    Attributes:
        dataset: name for `air_tf.datasets.load`.
        num_importance_samples: k, one for each column.
        models: {model at k = 1: grid}, one for each row; the first one is plain. At other k, "vae"
            in the name becomes "iwae".
        seeds: seeds of the final models; the search uses the first one.
        training: options of `trainers.train`.
        training_at: {k: options} that differ from `training`.
        searching_at: {k: options} of the search that differ from both.
        variants: {name: `Variant`}.
        evaluation: options of `trainers.evaluate`.
        num_curve_examples: test images on which each model of a search is evaluated.
        published: results of others on the data set, each [model, test log p(x), source].
    """

    dataset: str
    num_importance_samples: tuple
    models: dict
    seeds: tuple = (0,)
    training: dict = dataclasses.field(default_factory=dict)
    training_at: dict = dataclasses.field(default_factory=dict)
    searching_at: dict = dataclasses.field(default_factory=dict)
    variants: dict = dataclasses.field(default_factory=dict)
    evaluation: dict = dataclasses.field(default_factory=dict)
    num_curve_examples: int = 1000
    published: tuple = ()

    @functools.cached_property
    def cells(self):
        """The cells by name, one column after the other."""
        found = {}
        for k in self.num_importance_samples:
            for row, grid in self.models.items():
                training = {
                    "dataset": self.dataset,
                    **self.training,
                    "num_importance_samples": k,
                    **self.training_at.get(k, {}),
                }
                grid = {
                    name: self.name_of(values, k) if isinstance(values, str) else tuple(values)
                    for name, values in (grid or {}).items()
                }
                name = self.name_of(row, k)
                model = row if k == 1 else row.replace("vae", "iwae")
                searching = self.searching_at.get(k, {})
                found[name] = Cell(name, model, training, searching, grid, row, k)
        for variant, options in self.variants.items():
            for cell in tuple(found.values()):
                chosen = cell.row in options.models and cell.variant is None
                if chosen and cell.k in options.num_importance_samples:
                    name = f"{cell.name}_{variant}"
                    grid = cell.grid if options.searched else {}
                    changes = {"name": name, "variant": variant, "base": cell.name, "grid": grid}
                    training = {**cell.training, **options.training}
                    found[name] = dataclasses.replace(cell, training=training, **changes)
        return found

    @property
    def plain_row(self):
        """The row without a regularizer."""
        return next(iter(self.models))

    def name_of(self, row, k):
        """The name of a row's cell."""
        return row if k == 1 else row.replace("vae", f"iwae{k}")

    def plain(self, name):
        """The name of the plain cell of the same k and variant, to compare a cell with."""
        cell = self.cells[name]
        plain = self.name_of(self.plain_row, cell.k)
        of_variant = f"{plain}_{cell.variant}"
        return of_variant if of_variant in self.cells and of_variant != name else plain


def names():
    """Names of the existing studies."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read(name):
    """The `Study` with this name, or from the YAML file at this path.

    Raises:
        ValueError: if there is no such study, or if its file has a key that a study cannot have.
    """
    path = pathlib.Path(name)
    if path.suffix != ".yaml":
        path = FOLDER / f"{checks.one_of('study', name, names())}.yaml"
    values = command_line.read_yaml(path)
    try:
        variants = {name: Variant(**v) for name, v in values.pop("variants", {}).items()}
        plan = Study(**values, variants=variants)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{path.name} is not a study: {error}") from None
    for name, variant in variants.items():
        for row in variant.models:
            checks.one_of(f"model of {name}", row, plan.models)
    return plan
