"""`python -m studies.reproduce --study NAME`: search, train and evaluate the cells of a study."""

import dataclasses
import pathlib
import shutil
import time

import air_tf
from air_tf import checks, files
from studies import records, run_record, study
from trainers import command_line, evaluate, provenance, run_folder, train
from trainers.train_config import TrainConfig
from tuning import report, search
from tuning.search_config import SearchConfig, Space


@dataclasses.dataclass(frozen=True)
class ReproduceConfig:
    """Run a study cell by cell: search the strength, train the winner, evaluate it.

    Finished work has a record in the folder of results and is not done again. The same command
    resumes a study. Several commands may run at once on different cells.
    """

    study: str
    """Name of a file in studies/plan, or path of a YAML file of the same form."""
    cells: tuple[str, ...] = ()
    """Run only these cells, such as diwae8; all if none is named."""
    seeds: tuple[int, ...] | None = None
    """Seeds of the final models; the study's seeds if None."""
    data_dir: str | None = None
    """Where TFDS keeps prepared data; TFDS's default if None."""
    manual_dir: str | None = None
    """Folder with the original files of the data set, for machines without a network."""
    work: str = "runs/studies"
    """Folder for searches and run folders."""
    results: str = "results"
    """Folder for the records: STUDY/CELL/search.json and STUDY/CELL/seedN.json."""


def reproduce(config):
    """Runs the missing parts of a study's cells."""
    plan = study.read(config.study)
    cells = plan.cells
    for name in config.cells:
        checks.one_of("cell", name, cells)
    for name in config.cells or cells:
        chosen = _searched(config, plan, cells, name)
        for seed in config.seeds or plan.seeds:
            path = _record(config, name, f"seed{seed}.json")
            options = {**cells[name].training, **chosen, "seed": seed}
            if _on_record(path, options):
                continue
            print(f"{config.study}/{name}, seed {seed}: {chosen}", flush=True)
            _final(config, plan, cells[name], options, path)


def _searched(config, plan, cells, name):
    """{hyperparameter: value} that the search of a cell chose; searches if there is no record."""
    cell = cells[name]
    if not cell.grid:
        return _searched(config, plan, cells, cell.base) if cell.base else {}
    path = _record(config, name, "search.json")
    options = {**cell.training, **cell.searching, "seed": plan.seeds[0]}
    if not _on_record(path, options):
        print(f"{config.study}/{name}: search", flush=True)
        grid = {
            key: (_searched(config, plan, cells, values)[key],)
            if isinstance(values, str)
            else values
            for key, values in cell.grid.items()
        }
        data = {"model": cell.model, "out": _work(config, name, "search"), **_data(config)}
        searched = SearchConfig.of_dict({**options, **data}, config.study)
        _search(dataclasses.replace(searched, grid=Space(**grid)), plan, path)
    best = files.read_json(path)["trials"][0]["hyperparameters"]
    return {key: best[key] for key in cell.grid}


def _search(config, plan, path):
    """Searches, evaluates the model of each trial on test images, and writes the record."""
    tuner = search.search(config)
    trials = files.read_json(pathlib.Path(config.out) / report.TRIALS)
    x = tuner.hypermodel.data.test[: plan.num_curve_examples]
    values = {}
    failed = [trial for trial in trials if trial["score"] is None]
    trials = [trial for trial in trials if trial["score"] is not None]
    if not trials:
        raise ValueError(f"At least one trial of the search must succeed. Received: {failed}")
    backups = pathlib.Path(config.out) / run_folder.EVALUATION_BACKUPS
    options = {key: value for key, value in plan.evaluation.items() if key != "num_examples"}
    num_samples = {key: value for key, value in options.items() if key == "num_samples"}
    evaluation = air_tf.evaluation
    for trial in trials:
        model = tuner.load_model(tuner.oracle.get_trial(trial["trial_id"]))
        estimates = {
            "log_likelihood": evaluation.iw_svi(model, x, **options, backup_dir=backups),
            "importance_log_likelihood": evaluation.importance_log_likelihood(
                model, x, **num_samples, backup_dir=backups
            ),
        }
        for bound, estimate in estimates.items():
            trial[f"test_{bound}"] = estimate.summary()
            values[f"{trial['trial_id']}_{bound}"] = estimate.per_example
    record = {
        "config": run_record.without_paths(dataclasses.asdict(config)),
        "versions": provenance.current_versions(),
        "trials": trials,
        "failed_trials": failed,
        "num_test_examples": len(x),
        "per_example": records.write_per_example(path, values),
    }
    files.write_json(path, record)
    shutil.rmtree(backups, ignore_errors=True)


def _final(config, plan, cell, options, path):
    """Trains and evaluates a model and writes its record."""
    out = _work(config, cell.name, path.stem)
    metrics = pathlib.Path(out) / run_folder.METRICS
    if not metrics.exists():
        values = {**options, **_data(config), "model": cell.model, "out": out}
        train.train(TrainConfig.of_dict(values, config.study))
    start = time.perf_counter()
    evaluation = evaluate.EvaluateConfig(out, **plan.evaluation)
    estimates = evaluate.evaluate(evaluation)
    values = {name: estimates[name].per_example for name in records.BOUNDS}
    values["num_steps"] = estimates["log_likelihood"].num_steps
    history = files.read_json(metrics)["history"]
    record = {
        "study": pathlib.Path(config.study).stem,
        "cell": cell.name,
        **run_record.of(out),
        "evaluation_seconds": time.perf_counter() - start,
        **{name: history[name] for name in records.OVER_TRAINING if name in history},
        "per_example": records.write_per_example(path, values),
    }
    files.write_json(path, record)


def _on_record(path, options):
    """Whether a record exists; prints a note if its options differ from the study's."""
    if not path.exists():
        return False
    found = files.read_json(path)["config"]
    others = {name: found.get(name) for name in options if found.get(name) != options[name]}
    if others:
        now = {name: options[name] for name in others}
        print(f"{path} stays as it is, made with {others}, not {now}", flush=True)
    return True


def _record(config, cell, name):
    return pathlib.Path(config.results, pathlib.Path(config.study).stem, cell, name)


def _work(config, cell, name):
    return str(pathlib.Path(config.work, pathlib.Path(config.study).stem, cell, name))


def _data(config):
    return {"data_dir": config.data_dir, "manual_dir": config.manual_dir}


if __name__ == "__main__":
    command_line.run(reproduce, ReproduceConfig)
