"""The search: its space, its folder, its resumption after a kill, and several processes."""

import itertools
import json
import os
import pathlib
import platform
import re
import signal
import subprocess
import sys
import time

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

import air_tf
from trainers import command_line, locks, provenance, run_folder, train
from trainers.train_config import TrainConfig
from tuning import ConfigHyperModel, launch, retrain_best, search
from tuning.search_config import SearchConfig, Space
from tuning.space import HYPERPARAMETERS

SMALL = (
    "--dataset digits --model dvae --encoder-units 16 --decoder-units 16 --latent-dim 4 "
    "--batch-size 200 --epochs 2"
).split()
CONFIG = TrainConfig("digits", "dwni_iwae", "", encoder_units=(6, 6), decoder_units=(6,))
EXAMPLES = {
    "noise_stddev": (0.1, 0.4),
    "denoising_weight": (0.5, 1.0),
    "max_norm": (0.5, 2.0),
    "learning_rate": (1e-4, 1e-2),
    "num_importance_samples": (2, 8),
    "latent_dim": (2, 5),
    "encoder_width": (4, 16),
    "decoder_width": (4, 16),
}


def test_examples_cover_the_space():
    assert set(EXAMPLES) == set(HYPERPARAMETERS) == set(Space.__dataclass_fields__)


@pytest.mark.parametrize("kind", ["grid", "ranges"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_each_hyperparameter_reaches_the_model(name, kind):
    hypermodel = ConfigHyperModel(CONFIG, **{kind: {name: EXAMPLES[name]}})
    hp = keras_tuner.HyperParameters()
    hypermodel.build(hp)
    hp.values[name] = EXAMPLES[name][1]
    model = hypermodel.build(hp)
    noise, first = model.encoder.layers[:2]
    reached = {
        "noise_stddev": noise.stddev,
        "denoising_weight": noise.probability,
        "max_norm": getattr(first, "max_norm", None),
        "learning_rate": float(model.optimizer.learning_rate),
        "num_importance_samples": model.num_importance_samples,
        "latent_dim": model.latent_dim,
        "encoder_width": first.units,
        "decoder_width": model.decoder.layers[0].units,
    }
    assert reached[name] == pytest.approx(EXAMPLES[name][1])
    if name == "encoder_width":
        assert model.encoder.layers[2].units == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grid": {"noise_std": (0.1,)}}, "did you mean 'noise_stddev'"),
        ({"grid": {"noise_stddev": (0.0, 0.1)}}, "`noise_stddev` must be"),
        ({"grid": {"denoising_weight": (0.5, 1.5)}}, "`denoising_weight` must be"),
        ({"grid": {"latent_dim": (2.5,)}}, "`latent_dim` must be"),
        ({"grid": {"latent_dim": (float("inf"),)}}, "`latent_dim` must be"),
        ({"ranges": {"max_norm": (2.0, 1.0)}}, "must be .low, high."),
        ({"ranges": {"max_norm": (2.0,)}}, "must be .low, high."),
        ({"grid": {"max_norm": (1.0,)}, "ranges": {"max_norm": (1.0, 2.0)}}, "not both"),
    ],
)
def test_rejects(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConfigHyperModel(CONFIG, **arguments)


def run(module, config_class, arguments):
    function = getattr(module, module.__name__.rpartition(".")[2])
    command_line.run(function, config_class, [str(argument) for argument in arguments])


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
def test_search_report_and_retraining(tmp_path, capsys):
    folder = tmp_path / "search"
    arguments = [*SMALL, "--out", folder, "--executions-per-trial", 2]
    arguments += ["--grid.noise-stddev", 0.1, 0.5]
    run(search, SearchConfig, arguments)
    trials = json.loads((folder / "trials.json").read_text())
    assert sorted(t["hyperparameters"]["noise_stddev"] for t in trials) == [0.1, 0.5]
    for trial in trials:
        bounds = [execution["val_iwae"] for execution in trial["executions"]]
        assert [execution["seed"] for execution in trial["executions"]] == [0, 1]
        assert bounds[0] != bounds[1]
        found = [execution["versions"] for execution in trial["executions"]]
        assert all({"commit", "python", "tensorflow", "device"} <= set(names) for names in found)
        assert trial["score"] == pytest.approx(sum(bounds) / 2, rel=1e-5)
        assert trial["seconds"] > 0
    assert trials[0]["score"] >= trials[1]["score"]
    assert (folder / "trials.png").exists()
    assert list(folder.glob("logs/execution1/*/execution0/images/events*"))
    plugins = {
        value.metadata.plugin_data.plugin_name
        for file in folder.rglob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    }
    assert {"hparams", "images"} <= plugins
    # The same again: nothing is left to do, and nothing is done twice.
    before = {path: path.read_bytes() for path in folder.rglob("executions.json")}
    run(search, SearchConfig, arguments)
    assert before == {path: path.read_bytes() for path in folder.rglob("executions.json")}
    # Another search does not touch the folder.
    with pytest.raises(SystemExit):
        run(search, SearchConfig, [*arguments, "--epochs", 3])
    assert "another search" in capsys.readouterr().err
    # With the same seed and all else, the winner trained again is the winner.
    run(retrain_best, retrain_best.RetrainConfig, [folder, "--out", tmp_path / "best"])
    config, _ = run_folder.load(tmp_path / "best")
    assert config.noise_stddev == trials[0]["hyperparameters"]["noise_stddev"]
    metrics = json.loads((tmp_path / "best" / "metrics.json").read_text())
    assert metrics["best_val_iwae"] == pytest.approx(trials[0]["executions"][0]["val_iwae"], 1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
def test_search_by_iw_svi(tmp_path):
    arguments = [*SMALL, "--out", tmp_path, "--num-iw-svi-examples", 20]
    run(search, SearchConfig, [*arguments, "--grid.noise-stddev", 0.1, 0.5])
    for trial in json.loads((tmp_path / "trials.json").read_text()):
        (execution,) = trial["executions"]
        assert trial["score"] == pytest.approx(execution["val_iw_svi"], rel=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
@pytest.mark.parametrize("tuner", ["bayesian", "hyperband"])
def test_tuners(tuner, tmp_path):
    arguments = [*SMALL, "--out", tmp_path / "search", "--tuner", tuner]
    arguments += ["--range.noise-stddev", 0.05, 1.0, "--grid.latent-dim", 2, 4]
    run(
        search, SearchConfig, arguments if tuner == "hyperband" else [*arguments, "--max-trials", 2]
    )
    trials = json.loads((tmp_path / "search" / "trials.json").read_text())
    assert len(trials) == 2 or tuner == "hyperband"
    for trial in trials:
        assert 0.05 <= trial["hyperparameters"]["noise_stddev"] <= 1.0
        assert trial["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "vae"], "The model 'vae' has no strength left to search: give a grid or a"),
        (["--noise-stddev", 0.1], "The model 'dvae' has no strength left to search"),
        (["--grid.latent-dim", 2, "--strategy", "mirrored"], "trains on one device"),
        (["--grid.latent-dim", 2, "--validation-freq", 3], "`validation_freq` must be at most"),
        (
            ["--grid.latent-dim", 2, "--validation-freq", 2, "--tuner", "hyperband"],
            "needs a validation in each",
        ),
        (["--grid.max-norm", 1.0], "has no `max_norm`"),
        (["--grid.num-importance-samples", 1, 8], "`num_importance_samples`"),
        (["--grid.noise-stddev", 0.1, 0.2, "--tuner", "bayesian"], "give it a --range"),
        (["--tuner", "hyperband", "--max-trials", 3, "--grid.latent-dim", 2], "Hyperband decides"),
    ],
)
def test_command_line_rejects(arguments, message, tmp_path, capsys):
    with pytest.raises(SystemExit):
        run(search, SearchConfig, [*SMALL, "--out", tmp_path / "search", *arguments])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "search").exists()


def finished(folder):
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.rglob("executions.json")}


def alive(pid):
    """Whether a process is running: not gone, and not a zombie that nobody waits for."""
    try:
        return "(zombie)" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
def test_a_killed_search_resumes(tmp_path):
    folder = tmp_path / "search"
    arguments = [*SMALL, "--out", str(folder), "--grid.noise-stddev", "0.1", "0.2", "0.4"]
    command = [sys.executable, "-m", "tuning.search", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: finished(folder))
    process.kill()
    process.wait()
    before = finished(folder)
    assert 1 <= len(before) < 3
    run(search, SearchConfig, arguments)
    after = finished(folder)
    assert len(after) == 3
    assert all(after[name] == moment for name, moment in before.items())
    trials = json.loads((folder / "trials.json").read_text())
    assert sorted(t["hyperparameters"]["noise_stddev"] for t in trials) == [0.1, 0.2, 0.4]


class Killed(BaseException):
    """Not an exception that KerasTuner would catch."""


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
def test_a_killed_execution_resumes_from_its_backup(tmp_path, monkeypatch):
    """It ends with the same bounds and weights, and does none of its epochs twice."""
    options = "--epochs 4 --executions-per-trial 2 --grid.noise-stddev 0.2 --backup-seconds 0"
    arguments = [*SMALL, *options.split()]
    begun, found = [], {}
    begin, write = train.Stopwatch.on_epoch_begin, air_tf.callbacks.BackupAndRestore._write

    def counted(self, epoch, logs=None):
        begun.append(epoch)
        begin(self, epoch, logs)

    def killed(self, epochs):
        write(self, epochs)
        if len(begun) == 4 + 2:  # in the second execution
            raise Killed

    monkeypatch.setattr(train.Stopwatch, "on_epoch_begin", counted)
    for name in ("untouched", "touched"):
        config = command_line.parse(SearchConfig, [*arguments, "--out", str(tmp_path / name)])
        begun.clear()
        if name == "touched":
            with monkeypatch.context() as patch:
                patch.setattr(air_tf.callbacks.BackupAndRestore, "_write", killed)
                patch.setattr(provenance, "_device", lambda: "a GPU")
                with pytest.raises(Killed):
                    search.search(config)
            assert list((tmp_path / name).rglob("backups/1/*.npz"))
        tuner = search.search(config)
        assert begun == [0, 1, 2, 3] * 2
        assert not list((tmp_path / name).rglob("backups"))
        (trial,) = json.loads((tmp_path / name / "trials.json").read_text())
        assert all(execution.pop("seconds") > 0 for execution in trial["executions"])
        first, second = (execution.pop("versions") for execution in trial["executions"])
        if name == "touched":
            assert (first["device"], second["device"]) == ("a GPU", platform.machine())
            assert [part["device"] for part in second["earlier"]] == ["a GPU"]
        found[name] = trial["executions"], tuner.get_best_models()[0].get_weights()
    assert found["touched"][0] == found["untouched"][0]
    for weight, expected in zip(found["touched"][1], found["untouched"][1], strict=True):
        np.testing.assert_array_equal(weight, expected)


@pytest.mark.parametrize(
    ("tuner", "max_trials", "number", "every"),
    [
        ("grid", None, 3, 1),
        ("random", None, 3, 1),
        ("bayesian", 4, 4, 9),
        ("hyperband", None, 2, 1),
    ],
)
def test_a_kill_before_or_after_any_write(tuner, max_trials, number, every, tmp_path, monkeypatch):
    """However often it is killed, each trial of the uninterrupted search is done, and once."""
    trained, replace = [], os.replace

    def no_training(self, trial, *args, **kwargs):
        trained.append(trial.hyperparameters.values["noise_stddev"])
        history = keras.callbacks.History()
        history.history, history.epoch = {"val_iwae": [-trained[-1]]}, [0]
        return [history]

    monkeypatch.setattr(keras_tuner.Tuner, "run_trial", no_training)
    monkeypatch.setattr(ConfigHyperModel, "build", ConfigHyperModel.config_for)  # the space alone
    monkeypatch.setattr(provenance, "_commit", lambda: None)  # which takes its time
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    config = TrainConfig("digits", "dvae", "", encoder_units=(4,), decoder_units=(4,), epochs=2)
    space = {"noise_stddev": (0.1, 0.2, 0.4)}
    kind, hypermodel = "grid", ConfigHyperModel(config, space)
    if tuner == "bayesian":  # it would propose values of a grid again and again
        space = {"noise_stddev": (0.1, 0.4)}
        kind, hypermodel = "range", ConfigHyperModel(config, ranges=space)
    options = {"dataset": "digits", "model": "dvae", "epochs": 2, "tuner": tuner}
    options |= {"max_trials": max_trials, kind: Space(**space)}

    def run_search(out):
        config = SearchConfig(**options, out=str(out))
        found = search.make_tuner(config, hypermodel)
        found.search(verbose=0)
        trials = found.oracle.trials.values()
        return sorted((t.hyperparameters.values["noise_stddev"], t.score, t.status) for t in trials)

    expected = run_search(tmp_path / "untouched")
    assert len(expected) == number
    once = sorted(trained)
    for write in itertools.count(0, every):
        out, seen = tmp_path / str(write), []

        def killed(source, target, last=write, seen=seen):
            # Of two searches killed at a file, one has it in its place.
            seen.append(target)
            if len(seen) <= last // 2 or last % 2:
                replace(source, target)
            if len(seen) > last // 2:
                raise Killed

        trained.clear()
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", killed)
            try:
                assert run_search(out) == expected
                break
            except Killed:
                done = len(trained)
        assert run_search(out) == expected
        lost = write % 2 == 0 and seen[-1].name == "executions.json"
        repeated = [trained[done - 1]] if lost else []
        assert sorted(trained) == sorted([*once, *repeated])
    assert write > 20


@pytest.mark.parametrize("diverging", [(0.1,), (0.1, 0.2, 0.4, 0.8)])
def test_trials_that_diverge_have_failed(diverging, instant_trials, tmp_path, capsys):
    instant_trials |= {s: FloatingPointError("Training diverged") for s in diverging}
    grid = ["--grid.noise-stddev", 0.1, 0.2, 0.4, 0.8]
    run(search, SearchConfig, [*SMALL, "--out", tmp_path / "s", *grid])
    trials = json.loads((tmp_path / "s" / "trials.json").read_text())
    failed = {t["hyperparameters"]["noise_stddev"] for t in trials if t["score"] is None}
    assert failed == set(diverging)
    assert all("Training diverged" in t["message"] for t in trials if t["score"] is None)
    assert not list((tmp_path / "s").rglob("backups"))
    retrain = [tmp_path / "s", "--out", tmp_path / "best"]
    if len(diverging) == 4:
        with pytest.raises(SystemExit):
            run(retrain_best, retrain_best.RetrainConfig, retrain)
        assert "No trial of this search ended well" in capsys.readouterr().err
    else:
        assert trials[0]["hyperparameters"]["noise_stddev"] == 0.2


def test_resumes_after_an_error_that_is_not_of_the_trial(instant_trials, tmp_path, capsys):
    arguments = [*SMALL, "--out", tmp_path / "s", "--grid.noise-stddev", 0.1, 0.2]
    instant_trials[0.2] = OSError("No space left on device")
    with pytest.raises(SystemExit):
        run(search, SearchConfig, arguments)
    assert "No space left on device. Received: {'noise_stddev': 0.2}" in capsys.readouterr().err
    instant_trials.clear()
    run(search, SearchConfig, arguments)
    trials = json.loads((tmp_path / "s" / "trials.json").read_text())
    assert [t["score"] for t in trials] == [-0.1, -0.2]


@pytest.mark.parametrize("tuner", ["grid", "random", "bayesian"])
def test_a_search_that_is_given_more_trials_resumes(tuner, instant_trials, tmp_path):
    """It has the trials of a search that was given as many at once, and its own of before."""
    space = [f"--{'grid' if tuner == 'grid' else 'range'}.noise-stddev", 0.1, 0.8]
    space += [0.3, 0.5] if tuner == "grid" else []
    arguments = [*SMALL, "--tuner", tuner, *space]
    found = {}
    for name, numbers in {"more": (2, 4), "at_once": (4,)}.items():
        for number in numbers:
            options = ["--out", tmp_path / name, "--max-trials", number]
            run(search, SearchConfig, [*arguments, *options])
            trials = json.loads((tmp_path / name / "trials.json").read_text())
            found[name, number] = {t["hyperparameters"]["noise_stddev"] for t in trials}
            assert len(found[name, number]) == number
    assert found["more", 2] < found["more", 4] == found["at_once", 4]


def test_without_a_space_the_strengths_are_searched(instant_trials, tmp_path):
    arguments = [*SMALL, "--model", "dvae_half", "--out", tmp_path / "s"]
    run(search, SearchConfig, arguments)
    trials = json.loads((tmp_path / "s" / "trials.json").read_text())
    assert [t["hyperparameters"] for t in trials] == [
        {"noise_stddev": value} for value in (0.05, 0.1, 0.2, 0.4, 0.8)
    ]
    # The folder says what was searched, for the winner to be trained and the search to resume.
    run(search, SearchConfig, [*arguments, "--grid.noise-stddev", 0.05, 0.1, 0.2, 0.4, 0.8])
    run(search, SearchConfig, arguments)
    searched = SearchConfig.of_dict(json.loads((tmp_path / "s" / "search.json").read_text()))
    assert searched.grid.searched() == {"noise_stddev": (0.05, 0.1, 0.2, 0.4, 0.8)}


def test_a_damaged_trial_is_named(instant_trials, tmp_path, capsys):
    arguments = [*SMALL, "--out", tmp_path / "s", "--grid.noise-stddev", 0.1, 0.2]
    run(search, SearchConfig, arguments)
    (damaged,) = tmp_path.rglob("trial_0001/trial.json")
    damaged.write_text(damaged.read_text()[:30])
    with pytest.raises(SystemExit):
        run(search, SearchConfig, arguments)
    assert str(damaged) in capsys.readouterr().err


def test_a_folder_is_searched_by_one_process(instant_trials, tmp_path, capsys):
    arguments = [*SMALL, "--out", tmp_path, "--grid.noise-stddev", 0.1]
    search.prepare(command_line.parse(SearchConfig, list(map(str, arguments))))
    with locks.locked(tmp_path):
        with pytest.raises(SystemExit):
            run(search, SearchConfig, arguments)
        assert "another process is at work" in capsys.readouterr().err
    run(search, SearchConfig, arguments)
    assert (tmp_path / "trials.json").exists()


@pytest.mark.slow
def test_chief_and_workers_survive_a_killed_worker_and_a_killed_launcher(tmp_path):
    folder = tmp_path / "search"
    grid = ["0.1", "0.2", "0.4", "0.8"]
    command = [sys.executable, "-m", "tuning.launch", *SMALL, "--out", str(folder)]
    output = tmp_path / "output"

    def start():
        with output.open("w") as log:
            return subprocess.Popen(
                [*command, "--grid.noise-stddev", *grid], stdout=log, stderr=subprocess.STDOUT
            )

    started = re.compile(r"(?:chief|worker\d): process (\d+)")
    process = start()
    wait_for(lambda: finished(folder))
    process.kill()
    process.wait()
    for pid in started.findall(output.read_text()):
        wait_for(lambda pid=pid: not alive(int(pid)))
    before, again = finished(folder), time.time()

    def begun():
        """HParams of the trials that the new workers have begun."""
        return [f for f in folder.glob("logs/*/*/*/events*") if f.stat().st_mtime > again]

    process = start()
    wait_for(lambda: len(begun()) == 2)
    os.kill(int(started.findall(output.read_text())[-1]), signal.SIGKILL)
    assert process.wait(timeout=300) == 0, output.read_text()[-3000:]
    assert "starting it again" in output.read_text()
    assert "To join from another host" in output.read_text()
    assert finished(folder).items() >= before.items()
    trials = json.loads((folder / "trials.json").read_text())
    assert sorted(t["hyperparameters"]["noise_stddev"] for t in trials) == [float(g) for g in grid]
    assert all(trial["status"] == "COMPLETED" for trial in trials)
    assert all(len(trial["executions"]) == 1 for trial in trials)


def test_launch_wants_a_worker(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run(launch, launch.LaunchConfig, [*SMALL, "--out", tmp_path / "s", "--workers", 0])
    assert "`workers` must be" in capsys.readouterr().err
