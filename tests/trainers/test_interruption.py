"""Command lines that are killed at random and started again end as if never killed."""

import dataclasses
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

import air_tf
from air_tf import files
from air_tf.evaluation import finished_batches
from tests.conftest import untrained_run
from trainers import command_line, host_commands, locks, provenance, run_folder, train
from trainers.host_commands import HostCommandsConfig
from trainers.train_config import TrainConfig

TRAIN = (
    "--dataset digits --model dvae --encoder-units 16 --decoder-units 16 --latent-dim 4 "
    "--epochs 12 --batch-size 100 --seed 3 --backup-seconds 0"
).split()


def command(module, *arguments):
    return [sys.executable, "-m", f"trainers.{module}", *map(str, arguments)]


def kill_after(seconds, arguments, ready):
    """Starts a command and kills it some time after `ready()` is true."""
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
    metrics = [files.read_json(tmp_path / run / "metrics.json") for run in ("untouched", "touched")]
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
    assert 1 < len(kept) < 25  # of 25 batches

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
    assert len(written) == 25 - len(kept)
    expected = air_tf.evaluation.inference_gaps(model, x, **options)
    for bound in dataclasses.fields(gaps):
        values, untouched = (getattr(result, bound.name).per_example for result in (gaps, expected))
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
    (tmp_path / "run" / provenance.VERSIONS).unlink()
    run_folder.create(config)
    assert (tmp_path / "run" / provenance.VERSIONS).exists()
    with pytest.raises(FileExistsError, match="holds another run"):
        run_folder.create(TrainConfig("digits", "dvae", str(tmp_path / "run")))
    (tmp_path / "run" / run_folder.METRICS).write_text("{}")
    with pytest.raises(FileExistsError, match="new or empty"):
        run_folder.create(config)


def test_versions_of_an_interrupted_run(tmp_path, monkeypatch):
    """Starts on one device and resumes twice on another."""
    config = TrainConfig("digits", "vae", str(tmp_path / "run"))
    for device in ("a GPU", "x86_64", "x86_64"):
        monkeypatch.setattr(provenance, "_device", lambda device=device: device)
        run_folder.create(config)
    found = files.read_json(tmp_path / "run" / provenance.VERSIONS)
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
    """The seconds of all epochs, with a clock that ticks once in each; the second fit does two."""
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


@pytest.mark.slow
def test_two_workers_train_by_the_printed_commands(tmp_path):
    """tests/models/test_distribution.py compares what they compute."""
    training = command("train", *TRAIN, "--out", tmp_path / "run")
    config = HostCommandsConfig(("127.0.0.1:24117", "127.0.0.1:24118"), " ".join(training))
    processes = [subprocess.Popen(text, shell=True) for text in host_commands.commands(config)]
    assert [process.wait(200) for process in processes] == [0, 0]
    trained, model = run_folder.load(tmp_path / "run")
    assert trained.strategy == "multi_worker"
    metrics = files.read_json(tmp_path / "run" / run_folder.METRICS)
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
        host_commands.commands(HostCommandsConfig(hosts, ""))
