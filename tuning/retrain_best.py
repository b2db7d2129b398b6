"""`python -m tuning.retrain_best DIR --out RUN`: the winner of a search as a normal run folder."""

import dataclasses
import pathlib

import tyro

from air_tf import files
from trainers import command_line, train
from tuning import report, search
from tuning.search_config import SearchConfig


@dataclasses.dataclass(frozen=True)
class RetrainConfig:
    """Train a model with the hyperparameters of a search's best trial, and write its run folder."""

    search: tyro.conf.Positional[str]
    """Folder of a finished search."""
    out: str
    """Folder of the run; it must not hold another run."""
    seed: int | None = None
    """Of the run; that of the search if None."""


def retrain_best(config):
    """Trains the best trial of a search; returns the model."""
    path = pathlib.Path(config.search)
    searched = SearchConfig.of_dict(files.read_json(path / search.SEARCH))
    best = next(iter(files.read_json(path / report.TRIALS)), None)
    if best is None or best["score"] is None:
        raise ValueError(f"No trial of this search ended well. Received: {path}")
    names = [*searched.grid.searched(), *searched.range.searched()]
    values = {name: best["hyperparameters"][name] for name in names}
    if config.seed is not None:
        values["seed"] = config.seed
    return train.train(searched.training(values, out=config.out))


if __name__ == "__main__":
    command_line.run(retrain_best, RetrainConfig)
