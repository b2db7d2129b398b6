"""`python -m tuning.search`: search the strength, resume a search, alone or as one of several."""

import contextlib
import dataclasses
import os
import pathlib
import sys
import threading

import keras
import keras_tuner

from air_tf import checks, files
from trainers import command_line, locks, run_folder
from tuning import private_keras_tuner, report
from tuning.bayesian_optimization import BayesianOptimization
from tuning.config_hyper_model import ConfigHyperModel
from tuning.grid_search import GridSearch
from tuning.hyperband import Hyperband
from tuning.random_search import RandomSearch
from tuning.search_config import SearchConfig

SEARCH, _TRIALS, _LOGS = "search.json", "trials", "logs"
LAUNCHED = "AIR_TF_LAUNCHED"  # set for a process that tuning.launch has started
_TUNERS = {
    "grid": GridSearch,
    "random": RandomSearch,
    "bayesian": BayesianOptimization,
    "hyperband": Hyperband,
}


def make_hypermodel(config):
    """The space of a `SearchConfig`; says what is wrong with it before the search begins."""
    hypermodel = ConfigHyperModel(
        config.training({}, config.out), config.grid.searched(), config.range.searched()
    )
    checks.positive_int("executions_per_trial", config.executions_per_trial)
    if config.max_trials is not None:
        checks.positive_int("max_trials", config.max_trials)
        if config.tuner == "hyperband":
            raise ValueError("Hyperband decides itself how many trials; leave out --max-trials")
    _TUNERS[config.tuner].require(hypermodel)
    for name, values in {**hypermodel.grid, **hypermodel.ranges}.items():
        for value in values:
            hyperparameters = keras_tuner.HyperParameters()
            hypermodel.config_for(hyperparameters)
            hyperparameters.values[name] = value
            hypermodel.build(hyperparameters)
    return hypermodel


def make_tuner(config, hypermodel):
    """The tuner of a `SearchConfig`; reloads what its folder already holds."""
    options = {} if config.max_trials is None else {"max_trials": config.max_trials}
    return _TUNERS[config.tuner](
        hypermodel,
        directory=config.out,
        project_name=_TRIALS,
        executions_per_trial=config.executions_per_trial,
        **options,
    )


def prepare(config):
    """Makes the folder of a search, or finds that it holds this search, perhaps of fewer trials.

    Raises:
        FileExistsError: if it holds anything else; nothing in it is touched.
    """
    path = pathlib.Path(config.out)
    written = path / SEARCH
    if written.exists():
        found = SearchConfig.of_dict(files.read_json(written), str(written))
        if found == config:
            return path
        if dataclasses.replace(found, max_trials=config.max_trials) != config:
            raise FileExistsError(
                f"`out` holds another search, which stays as it is; see {written}. Received: {path}"
            )
    else:
        run_folder.require_empty(path)
        path.mkdir(parents=True, exist_ok=True)
    files.write_text(written, config.to_json())
    return path


def search(config):
    """Runs or resumes the search and writes its report; returns the tuner."""
    config = config.with_space()
    hypermodel = make_hypermodel(config)
    path = prepare(config)
    holds_oracle = private_keras_tuner.holds_oracle()
    with locks.locked(path) if holds_oracle else contextlib.nullcontext():
        tuner = make_tuner(config, hypermodel)
        tuner.search(callbacks=[keras.callbacks.TensorBoard(path / _LOGS)])
        if holds_oracle:
            report.write(path, tuner)
    return tuner


def _end_with_launcher():
    """Ends this process when the one that holds the other end of its standard input ends."""

    def wait():
        os.read(sys.stdin.fileno(), 1)  # sys.stdin itself would be locked when the process ends
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    if LAUNCHED in os.environ:
        _end_with_launcher()
    command_line.run(search, SearchConfig)
