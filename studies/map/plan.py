"""The plan of the map: its data sets, sizes, models and seeds."""

import dataclasses
import functools
import pathlib

import numpy as np

from air_tf import checks
from trainers import command_line
from trainers.train_config import TrainConfig
from trainers.trajectory import Course

PATH = pathlib.Path(__file__).with_name("plan.yaml")
BASELINE = "vae"
# Parts of a training, each with a validation by IWAE-64, and those after which it is evaluated. A
# training takes 3 times the plain model's best number of steps: its best is near epoch 8.
EPOCHS, EVALUATED_EPOCHS = 24, (2, 4, 6, 8, 12, 16, 20, 24)


@dataclasses.dataclass(frozen=True)
class Cell:
    """A model with its strength, on some of the training images of a data set.

    Attributes:
        data_set: name in the plan, such as "caltech".
        size: number of training images N.
        name: the model with its strengths, such as "dwni_vae_0.2_3".
        model: name for `air_tf.create_model`.
        strength: {option of `air_tf.create_model`: value}; {} for the plain model.
        config: `TrainConfig` of the model.
        num_steps: optimizer steps of a training.
        seeds: tuple of int.
    """

    data_set: str
    size: int
    name: str
    model: str
    strength: dict
    config: TrainConfig
    num_steps: int
    seeds: tuple

    @property
    def course(self):
        """How a training runs."""
        return Course(self.num_steps, EPOCHS, EVALUATED_EPOCHS, self.config.batch_size)

    @property
    def group(self):
        """The name of the cells to compare with, such as "caltech_4100"."""
        return f"{self.data_set}_{self.size}"


@dataclasses.dataclass(frozen=True)
class Plan:
    """The content of plan.yaml; the file has the reason for each choice."""

    evaluation: dict
    data_sets: dict
    seeds: list
    more_seeds: list

    @functools.cached_property
    def cells(self):
        """{group: {name: `Cell`}}, smallest sizes first and the plain model first."""
        found = {}
        for data_set, options in self.data_sets.items():
            for size, num_steps in options["sizes"].items():
                for model, strengths in options["models"].items():
                    for strength in strengths:
                        cell = self._cell(data_set, size, num_steps, model, strength)
                        found.setdefault(cell.group, {})[cell.name] = cell
        for more in self.more_seeds:
            cells = found[f"{more['data_set']}_{more['size']}"]
            for name in more["cells"]:
                checks.one_of("cell of more_seeds", name, cells)
        return found

    def _cell(self, data_set, size, num_steps, model, strength):
        options = self.data_sets[data_set]
        name = "_".join([model, *(f"{value:g}" for value in strength.values())])
        values = {"dataset": options["dataset"], "model": model, "out": ""}
        config = TrainConfig.of_dict({**values, **options["training"], **strength}, PATH.name)
        seeds = list(self.seeds)
        for more in self.more_seeds:
            if (more["data_set"], more["size"]) == (data_set, size) and name in more["cells"]:
                seeds += more["seeds"]
        return Cell(data_set, size, name, model, strength, config, num_steps, tuple(seeds))


def read(path=PATH):
    """The `Plan` in a YAML file."""
    return Plan(**command_line.read_yaml(pathlib.Path(path)))


def subset(data, size, seed):
    """A data set with `size` of its training images, drawn by the seed.

    Args:
        data: `air_tf.datasets.Dataset`.
        size: number of training images.
        seed: int; another seed draws other images, unless `size` is all of them.
    """
    chosen = np.random.default_rng(seed).permutation(len(data.train))[:size]
    return dataclasses.replace(data, train=data.train[chosen])
