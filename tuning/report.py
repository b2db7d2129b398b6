"""What a search leaves for people: trials.json, a table, and the curve of each hyperparameter."""

import pathlib

import matplotlib.figure
import numpy as np
import rich.console
import rich.table

from air_tf import files

TRIALS, EXECUTIONS = "trials.json", "executions.json"


def write(path, tuner):
    """Writes trials.json and trials.png into the folder of a search, and prints the best."""
    trials = [_described(trial, tuner) for trial in tuner.oracle.trials.values()]
    trials.sort(key=lambda trial: -np.inf if trial["score"] is None else trial["score"])
    trials.reverse()
    files.write_json(path / TRIALS, trials)
    names = [*tuner.hypermodel.grid, *tuner.hypermodel.ranges]
    monitor = tuner.hypermodel.monitor
    _draw(path / "trials.png", trials, names, monitor)
    table = rich.table.Table(title=f"{path}: the best of {len(trials)} trials, nats")
    for column in (*names, monitor, "epochs", "seconds"):
        table.add_column(column, justify="right")
    for trial in trials[:10]:
        cells = [f"{trial['hyperparameters'][name]:.4g}" for name in names]
        epochs = " ".join(str(execution["epochs"]) for execution in trial["executions"])
        score = "failed" if trial["score"] is None else f"{trial['score']:.3f}"
        table.add_row(*cells, score, epochs, f"{trial['seconds']:.0f}")
    rich.console.Console().print(table)


def read(path):
    """The records of a trial's executions so far."""
    return files.read_json(path) if path.exists() else []


def _described(trial, tuner):
    executions = read(pathlib.Path(tuner.get_trial_dir(trial.trial_id)) / EXECUTIONS)
    return {
        "trial_id": trial.trial_id,
        "status": trial.status,
        "hyperparameters": trial.hyperparameters.values,
        "score": trial.score if trial.status == "COMPLETED" else None,
        "message": trial.message,
        "seconds": sum(execution["seconds"] for execution in executions),
        "executions": executions,
    }


def _draw(path, trials, names, monitor):
    """A panel for each hyperparameter: from too weak to too strong, if the search went so far."""
    figure = matplotlib.figure.Figure(figsize=(5 * len(names), 4), layout="constrained")
    finished = [trial for trial in trials if trial["score"] is not None]
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        points = sorted((trial["hyperparameters"][name], trial["score"]) for trial in finished)
        errors = {}
        for trial in finished:
            bounds = [execution[monitor] for execution in trial["executions"]]
            error = np.std(bounds, ddof=1) / np.sqrt(len(bounds)) if len(bounds) > 1 else 0.0
            errors[trial["hyperparameters"][name], trial["score"]] = error
        x, y = zip(*points, strict=True) if points else ((), ())
        line = "o-" if len(names) == 1 else "o"
        axes.errorbar(x, y, [errors[point] for point in points], fmt=line, capsize=3)
        axes.set(xlabel=name, ylabel=f"{monitor} (nats)")
        if points and min(x) > 0 and max(x) > 3 * min(x):
            axes.set_xscale("log")
    figure.savefig(path, dpi=120)
