"""Command lines killed at random moments, and started again, end as if they had not been."""

import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

import air_tf
from trainers import command_line, launch, reproduce, run_folder, study
from trainers import evaluate as evaluate_module
from trainers.evaluate import EvaluateConfig
from trainers.launch import LaunchConfig

TRAIN = (
    "--dataset digits --model diwae --encoder-units 16 --decoder-units 16 --latent-dim 4 "
    "--epochs 12 --batch-size 100 --seed 3 --backup-seconds 0"
).split()


def command(module, *arguments):
    return [sys.executable, "-m", f"trainers.{module}", *map(str, arguments)]


def kill_after(seconds, arguments, ready):
    """Starts a command and kills it some time after `ready()` holds."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not ready() and process.poll() is None:
            time.sleep(0.02)
        time.sleep(seconds)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL, "it ended before it was killed"


def backups(path):
    return {file.name for file in (path / run_folder.BACKUPS).glob("*.npz")}


@pytest.mark.slow
def test_training_killed_three_times(tmp_path):
    subprocess.run(command("train", *TRAIN, "--out", tmp_path / "untouched"), check=True)
    touched = tmp_path / "touched"
    moments = random.Random(0)
    for _ in range(3):
        before = backups(touched)
        arguments = command("train", *TRAIN, "--out", touched)
        kill_after(
            moments.uniform(0, 0.1), arguments, lambda before=before: backups(touched) - before
        )
    assert not (touched / run_folder.METRICS).exists()
    subprocess.run(command("train", *TRAIN, "--out", touched), check=True)
    _, expected = run_folder.load(tmp_path / "untouched")
    _, model = run_folder.load(touched)
    for weight, other in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    metrics = [
        run_folder.read_json(tmp_path / run / "metrics.json") for run in ("untouched", "touched")
    ]
    assert metrics[0]["history"] == metrics[1]["history"]
    assert not (touched / run_folder.BACKUPS).exists()


STUDY = """
dataset: digits
num_importance_samples: [1]
models:
  vae:
  dvae: {noise_stddev: [0.4]}
training: {encoder_units: [8], decoder_units: [8], latent_dim: 3, epochs: 4, patience: 2}
searching: {validation_freq: 2}
evaluation: {num_examples: 30, num_samples: 50, max_steps: 10, batch_size: 10}
num_curve_examples: 20
"""


def without_times(value):
    if isinstance(value, dict):
        return {name: without_times(v) for name, v in value.items() if "seconds" not in name}
    return [without_times(v) for v in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_a_study_killed_in_the_middle(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    folders = {
        name: {"work": str(tmp_path / name / "runs"), "results": str(tmp_path / name / "results")}
        for name in ("untouched", "touched")
    }
    reproduce.reproduce(reproduce.ReproduceConfig(str(path), **folders["untouched"]))
    results = tmp_path / "touched" / "results" / "small"
    options = [f"--{name}={folder}" for name, folder in folders["touched"].items()]
    kill_after(
        random.Random(1).uniform(0, 3),
        command("reproduce", "--study", path, *options),
        lambda: (results / "vae" / "seed0.json").exists(),
    )
    first = (results / "vae" / "seed0.json").stat().st_mtime_ns
    reproduce.reproduce(reproduce.ReproduceConfig(str(path), **folders["touched"]))
    assert (results / "vae" / "seed0.json").stat().st_mtime_ns == first
    expected = tmp_path / "untouched" / "results" / "small"
    names = sorted(file.relative_to(expected) for file in expected.rglob("*.*"))
    assert len(names) == 6
    for name in names:
        if name.suffix == ".json":
            records = [json.loads((folder / name).read_text()) for folder in (expected, results)]
            assert without_times(records[0]) == without_times(records[1])
        else:
            with np.load(expected / name) as one, np.load(results / name) as other:
                assert set(one) == set(other)
                for key in one:
                    np.testing.assert_array_equal(one[key], other[key])


def test_a_cell_takes_the_winner_of_another(tmp_path, monkeypatch):
    records = {"dvae": {"noise_stddev": 0.2}, "dwni_vae": {"noise_stddev": 0.2, "max_norm": 4.0}}
    for cell, best in records.items():
        (tmp_path / "caltech" / cell).mkdir(parents=True)
        trials = {"trials": [{"hyperparameters": best}, {"hyperparameters": {}}]}
        run_folder.write_json(tmp_path / "caltech" / cell / "search.json", trials)
    trained = []
    monkeypatch.setattr(reproduce, "_final", lambda *arguments: trained.append(arguments[3]))
    config = reproduce.ReproduceConfig("caltech", ("dwni_vae",), (7,), results=str(tmp_path))
    reproduce.reproduce(config)
    (options,) = trained
    assert records["dwni_vae"].items() <= options.items()
    assert options["seed"] == 7
    searched = []
    monkeypatch.setattr(reproduce, "_search", lambda config, *_: searched.append(config))
    (tmp_path / "caltech" / "dwni_vae" / "search.json").unlink()
    with pytest.raises(FileNotFoundError):
        reproduce.reproduce(config)
    assert searched[0].grid.noise_stddev == (0.2,)
    assert len(searched[0].grid.max_norm) == 5


@pytest.mark.parametrize("name", study.names())
def test_studies_are_well_formed(name):
    plan = study.read(name)
    cells = plan.cells()
    assert len(cells) == len(plan.models) * len(plan.num_importance_samples)
    for cell in cells.values():
        assert cell.model in air_tf.list_models()
        for values in cell.grid.values():
            assert values in cells if isinstance(values, str) else len(values) >= 5


def test_studies_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        study.read("digit")
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({"dataset": "digits", "model": "vae"}))
    with pytest.raises(ValueError, match=r"other.yaml is not a study: .*'model'"):
        study.read(str(tmp_path / "other.yaml"))
    with pytest.raises(ValueError, match="`cell` must be one of"):
        reproduce.reproduce(reproduce.ReproduceConfig("digits", cells=("dvae9",)))


@pytest.mark.slow
def test_two_workers_train_and_evaluate_by_the_printed_commands(tmp_path):
    train = command("train", *TRAIN[:-2], "--out", tmp_path / "run")
    options = ["--num-samples", 50, "--max-steps", 10, "--num-examples", 35, "--batch-size", 10]
    evaluate = command("evaluate", tmp_path / "run", *options)
    for line in (train, evaluate):
        config = LaunchConfig(("127.0.0.1:24117", "127.0.0.1:24118"), " ".join(line))
        processes = [subprocess.Popen(text, shell=True) for text in launch.commands(config)]
        assert [process.wait(200) for process in processes] == [0, 0]
    two = run_folder.read_json(tmp_path / "run" / "evaluation_test.json")
    config = command_line.parse(EvaluateConfig, [*evaluate[3:], "--out", str(tmp_path / "one")])
    one = {name: value.summary() for name, value in evaluate_module.evaluate(config).items()}
    for name in ("log_likelihood", "elbo", "optimal_elbo"):
        assert two[name]["mean"] == pytest.approx(one[name]["mean"], rel=1e-4)
    assert two["num_examples"] == 35


@pytest.mark.parametrize(
    ("hosts", "message"),
    [
        (("a:1", "b"), "HOST:PORT. Received: 'b'"),
        (("a:1", "b:x"), "HOST:PORT. Received: 'b:x'"),
        (("a:1", "a:1"), "Hosts must differ"),
    ],
)
def test_hosts_that_cannot_be(hosts, message):
    with pytest.raises(ValueError, match=message):
        launch.commands(LaunchConfig(hosts, ""))
