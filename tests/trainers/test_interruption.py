"""Command lines killed at random moments, and started again, end as if they had not been."""

import errno
import fcntl
import itertools
import os
import random
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest
import yaml

import air_tf
from air_tf.evaluation import finished_batches
from tests.conftest import untrained_run
from trainers import command_line, launch, locks, records, reproduce, run_folder, study, train
from trainers.launch import LaunchConfig
from trainers.train_config import TrainConfig

TRAIN = (
    "--dataset digits --model dvae --encoder-units 16 --decoder-units 16 --latent-dim 4 "
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


def train_here(path):
    command_line.run(train.train, TrainConfig, [*TRAIN, "--out", str(path)])


@pytest.mark.slow
def test_training_killed_twice(tmp_path):
    train_here(tmp_path / "untouched")
    touched = tmp_path / "touched"
    moments = random.Random(0)
    for _ in range(2):
        before = backups(touched)
        arguments = command("train", *TRAIN, "--out", touched)
        kill_after(
            moments.uniform(0, 0.1), arguments, lambda before=before: backups(touched) - before
        )
    assert not (touched / run_folder.METRICS).exists()
    train_here(touched)
    _, expected = run_folder.load(tmp_path / "untouched")
    _, model = run_folder.load(touched)
    for weight, other in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    metrics = [
        run_folder.read_json(tmp_path / run / "metrics.json") for run in ("untouched", "touched")
    ]
    assert metrics[0]["history"] == metrics[1]["history"]
    assert metrics[1]["seconds"] > 0
    assert not (touched / run_folder.BACKUPS).exists()


@pytest.mark.slow
def test_an_evaluation_killed_in_the_middle(tmp_path):
    run = tmp_path / "run"
    untrained_run(run)
    options = {"num_samples": 1000, "max_steps": 50, "batch_size": 20}

    def finished():
        return {path.name for path in (run / run_folder.EVALUATION_BACKUPS).rglob("*.npz")}

    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    arguments = command("evaluate", run, *words)
    kill_after(random.Random(2).uniform(0, 0.2), arguments, lambda: len(finished()) > 1)
    kept, write, written = finished(), finished_batches.write, []
    assert 1 < len(kept) < 50  # 25 batches of IW-SVI, 25 of the gaps

    def counted(path, index, results):
        written.append(index)
        write(path, index, results)

    _, model = run_folder.load(run)
    x = air_tf.datasets.load("digits").test
    options["progress"] = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finished_batches, "write", counted)
        backups = run / run_folder.EVALUATION_BACKUPS / "test"
        gaps = air_tf.evaluation.inference_gaps(model, x, **options, backup_dir=backups)
    assert len(written) == 50 - len(kept)
    expected = air_tf.evaluation.inference_gaps(model, x, **options)
    for bound in records.BOUNDS:
        values, untouched = (getattr(result, bound).per_example for result in (gaps, expected))
        np.testing.assert_array_equal(values, untouched)


def killed(*arguments):
    raise KeyboardInterrupt


def test_killed_while_the_folder_is_made(tmp_path, monkeypatch):
    config = TrainConfig("digits", "vae", str(tmp_path / "run"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        run_folder.create(config)
    monkeypatch.setattr(os, "replace", replace)
    run_folder.create(config)
    (tmp_path / "run" / run_folder.VERSIONS).unlink()
    run_folder.create(config)
    assert (tmp_path / "run" / run_folder.VERSIONS).exists()
    with pytest.raises(FileExistsError, match="holds another run"):
        run_folder.create(TrainConfig("digits", "dvae", str(tmp_path / "run")))
    (tmp_path / "run" / run_folder.METRICS).write_text("{}")
    with pytest.raises(FileExistsError, match="new or empty"):
        run_folder.create(config)


def test_versions_of_an_interrupted_run(tmp_path, monkeypatch):
    """Begun on one device, continued twice on another."""
    config = TrainConfig("digits", "vae", str(tmp_path / "run"))
    for device in ("a GPU", "x86_64", "x86_64"):
        monkeypatch.setattr(run_folder, "_device", lambda device=device: device)
        run_folder.create(config)
    found = run_folder.read_json(tmp_path / "run" / run_folder.VERSIONS)
    (earlier,) = found.pop("earlier")
    assert found["device"] == "x86_64"
    assert earlier == {**found, "device": "a GPU"}


def test_where_the_file_system_knows_no_locks(tmp_path, monkeypatch):
    def flock(*arguments):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.warns(UserWarning, match="cannot be locked"), locks.locked(tmp_path / "new"):
        assert (tmp_path / "new").is_dir()


def test_seconds_of_an_interrupted_run(tmp_path, monkeypatch):
    """Those of all its epochs, by a clock that ticks once in each; the second fit does two."""
    clock = types.SimpleNamespace(perf_counter=itertools.count().__next__)
    monkeypatch.setattr(train, "time", clock)
    model = air_tf.create_model("vae", 4, 2, (3,), (3,), seed=0)
    model.compile(jit_compile=False)
    for epochs in (2, 3):
        stopwatch = train.Stopwatch()
        callbacks = [air_tf.callbacks.BackupAndRestore(tmp_path), stopwatch]
        model.fit(np.eye(4), epochs=epochs, verbose=0, callbacks=callbacks)
        assert stopwatch.seconds == epochs
    assert clock.perf_counter() == 2 * (2 + 2)


STUDY = """
dataset: digits
num_importance_samples: [1]
models:
  vae:
  dvae: {noise_stddev: [0.4]}
training: {encoder_units: [8], decoder_units: [8], latent_dim: 3, epochs: 4, patience: 2}
searching_at: {1: {validation_freq: 2}}
evaluation: {num_examples: 30, num_samples: 50, max_steps: 10, batch_size: 10}
num_curve_examples: 20
"""


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
def test_a_study_interrupted_in_the_middle(tmp_path, monkeypatch, capsys):
    """Finished cells stay as they are; what is within a cell has tests of its own."""
    path, results = tmp_path / "small.yaml", tmp_path / "results"
    path.write_text(STUDY)
    first, last = results / "small/vae/seed0.json", results / "small/dvae/seed0.json"
    config = reproduce.ReproduceConfig(str(path), work=str(tmp_path / "runs"), results=str(results))
    with monkeypatch.context() as patch:
        patch.setattr(reproduce, "_search", killed)
        with pytest.raises(KeyboardInterrupt):
            reproduce.reproduce(config)
    before = first.read_bytes()
    assert not last.exists()
    reproduce.reproduce(config)
    assert first.read_bytes() == before
    finished = last.stat().st_mtime_ns
    capsys.readouterr()
    reproduce.reproduce(config)
    assert "stays as it is" not in capsys.readouterr().out
    path.write_text(STUDY.replace("epochs: 4", "epochs: 5"))
    reproduce.reproduce(config)
    assert last.stat().st_mtime_ns == finished
    said = capsys.readouterr().out
    for name in ("vae/seed0", "dvae/search", "dvae/seed0"):
        made = f"{results}/small/{name}.json stays as it is, made with {{'epochs': 4}}, not"
        assert made in said
    found = records.read(results / "small", study.read(str(path)).cells)
    assert list(found) == ["vae", "dvae"]
    for cell in found.values():
        for bound in records.BOUNDS:
            mean = cell.finals[0]["test"][bound]["mean"]
            assert cell.estimate(bound).mean == pytest.approx(mean, rel=1e-5)
            assert len(cell.estimate(bound).per_example) == 30
    (trial,) = found["dvae"].search["trials"]
    assert found["dvae"].finals[0]["config"]["noise_stddev"] == 0.4
    for bound in records.CURVES:
        values = found["dvae"].curves[bound][trial["trial_id"]]
        assert len(values.per_example) == 20
        assert values.mean == pytest.approx(trial[f"test_{bound}"]["mean"], rel=1e-5)


def test_a_cell_takes_the_winner_of_another(tmp_path, monkeypatch):
    records = {"dvae": {"noise_stddev": 0.2}, "dwni_vae": {"noise_stddev": 0.2, "max_norm": 4.0}}
    for cell, best in records.items():
        (tmp_path / "caltech" / cell).mkdir(parents=True)
        trials = {"config": {}, "trials": [{"hyperparameters": best}, {"hyperparameters": {}}]}
        run_folder.write_json(tmp_path / "caltech" / cell / "search.json", trials)
    trained = []
    monkeypatch.setattr(reproduce, "_final", lambda *arguments: trained.append(arguments[3]))
    config = reproduce.ReproduceConfig("caltech", ("dwni_vae",), (7,), results=str(tmp_path))
    reproduce.reproduce(config)
    (options,) = trained
    assert records["dwni_vae"].items() <= options.items()
    assert options["seed"] == 7
    digits = reproduce.ReproduceConfig("digits", ("dvae_m8",), (7,), results=str(tmp_path))
    (tmp_path / "caltech").rename(tmp_path / "digits")
    reproduce.reproduce(digits)
    assert trained[1]["noise_stddev"] == 0.2
    assert trained[1]["num_monte_carlo_samples"] == 8
    (tmp_path / "digits").rename(tmp_path / "caltech")
    searched = []
    monkeypatch.setattr(reproduce, "_search", lambda config, *_: searched.append(config))
    (tmp_path / "caltech" / "dwni_vae" / "search.json").unlink()
    with pytest.raises(FileNotFoundError):
        reproduce.reproduce(config)
    assert searched[0].grid.noise_stddev == (0.2,)
    assert len(searched[0].grid.max_norm) == 5
    (tmp_path / "caltech" / "diwae64").mkdir()
    run_folder.write_json(tmp_path / "caltech" / "diwae64" / "search.json", {"trials": []})
    again = reproduce.ReproduceConfig("caltech", ("diwae64_resampled",), results=str(tmp_path))
    with pytest.raises(FileNotFoundError):  # of the search of its own
        reproduce.reproduce(again)
    assert searched[1].gradient_estimator == "resampled"
    assert len(searched[1].grid.noise_stddev) == 5


@pytest.mark.parametrize("name", study.names())
def test_studies_are_well_formed(name):
    plan = study.read(name)
    cells = plan.cells
    rows = [cell for cell in cells.values() if cell.variant is None]
    assert len(rows) == len(plan.models) * len(plan.num_importance_samples)
    for cell in cells.values():
        assert (cell.base in cells) == (cell.variant in plan.variants)
        if cell.variant:
            again = plan.variants[cell.variant].searched
            assert cell.grid == (cells[cell.base].grid if again else {})
    for cell in cells.values():
        plain = cells[plan.plain(cell.name)]
        assert (plain.row, plain.k) == ("vae", cell.k)
        assert plain.variant == (None if cell.row == "vae" else cell.variant)
        assert cell.model in air_tf.list_models()
        for values in cell.grid.values():
            assert values in cells if isinstance(values, str) else len(values) >= 5


def test_studies_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        study.read("digit")
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({"dataset": "digits", "model": "vae"}))
    with pytest.raises(ValueError, match=r"other.yaml is not a study: .*'model'"):
        study.read(str(tmp_path / "other.yaml"))
    variant = {"m8": {"models": ["vae"], "num_samples": [1]}}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({"variants": variant}))
    with pytest.raises(ValueError, match=r"other.yaml is not a study: .*'num_samples'"):
        study.read(str(tmp_path / "other.yaml"))
    variant = {"title": "M", "models": ["vea"], "num_importance_samples": [1], "training": {}}
    plan = {"dataset": "digits", "num_importance_samples": [1], "models": {"vae": None}}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({**plan, "variants": {"m8": variant}}))
    with pytest.raises(ValueError, match=r"`model of m8` must be one of.*'vea'"):
        study.read(str(tmp_path / "other.yaml"))
    with pytest.raises(ValueError, match="`cell` must be one of"):
        reproduce.reproduce(reproduce.ReproduceConfig("digits", cells=("dvae9",)))


@pytest.mark.slow
def test_two_workers_train_by_the_printed_commands(tmp_path):
    """What they compute is compared in tests/models/test_distribution.py."""
    training = command("train", *TRAIN, "--out", tmp_path / "run")
    config = LaunchConfig(("127.0.0.1:24117", "127.0.0.1:24118"), " ".join(training))
    processes = [subprocess.Popen(text, shell=True) for text in launch.commands(config)]
    assert [process.wait(200) for process in processes] == [0, 0]
    trained, model = run_folder.load(tmp_path / "run")
    assert trained.strategy == "multi_worker"
    metrics = run_folder.read_json(tmp_path / "run" / run_folder.METRICS)
    assert len(metrics["history"]["loss"]) == metrics["epochs"] == 12
    assert model.optimizer.iterations.numpy() == 120


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
