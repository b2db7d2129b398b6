"""The command lines, called as functions with argument lists, on real digits."""

import json

import numpy as np
import pytest
import tensorflow as tf

from air_tf.evaluation import finished_batches
from tests.commands import TRAIN, refusal, run
from trainers import command_line, evaluate, export, locks, run_folder, train
from trainers.train_config import TrainConfig


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    run(train, [*TRAIN, "--out", path])
    return path


@pytest.mark.slow
def test_stopping_by_iw_svi(tmp_path, capsys):
    run(train, [*TRAIN, "--num-iw-svi-examples", 20, "--out", tmp_path / "run"])
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    bounds = metrics["history"]["val_iw_svi"]
    best = bounds.index(max(bounds))
    assert len(bounds) == len(metrics["history"]["val_iwae"])
    assert metrics["best_epoch"] == best + 1
    assert metrics["best_val_iw_svi"] == max(bounds)
    assert metrics["best_val_iwae"] == metrics["history"]["val_iwae"][best]
    message = refusal(train, [*TRAIN, "--num-iw-svi-examples", 0, "--out", tmp_path / "x"], capsys)
    assert "Received: num_iw_svi_examples=0" in message


@pytest.mark.slow
def test_run_folder_holds_everything(trained):
    config, model = run_folder.load(trained)
    assert config.encoder_units == (16,)
    assert config.noise_stddev == model.encoder.layers[0].stddev == 0.2
    assert set(json.loads((trained / "versions.json").read_text())) > {"python", "keras", "device"}
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["best_val_iwae"] == max(metrics["history"]["val_iwae"])
    assert (trained / "samples.png").exists()
    assert (trained / "reconstructions.png").exists()
    tags = set()
    for file in (trained / "logs").rglob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            tags |= {value.tag for value in event.summary.value}
    assert {"epoch_loss", "epoch_iwae", "samples", "reconstructions"} <= tags


@pytest.mark.slow
def test_evaluate_prints_and_saves(trained, capsys):
    options = ["--num-samples", 60, "--max-steps", 20, "--num-examples", 30]
    run(evaluate, [trained, *options, "--ais", 30, "--bdmc", 10, "--generalization"])
    printed = capsys.readouterr().out
    assert "log p(x), IW-SVI" in printed
    assert "log p(x), AIS" in printed
    assert "k̂ > 0.7" in printed
    assert "log p(x) of 10 examples simulated from the model" in printed
    assert "Lost from training to test examples" in printed
    saved = json.loads((trained / "evaluation_test.json").read_text())
    with np.load(trained / "evaluation_test.npz") as values:
        assert values["log_likelihood"].shape == (30,)
        for name in ("log_likelihood", "elbo", "importance_log_likelihood", "ais"):
            np.testing.assert_allclose(values[name].mean(), saved[name]["mean"], rtol=1e-5)
        assert values["log_likelihood_pareto_k"].shape == (30,)
    assert saved["inference_gap"]["mean"] > 0
    assert set(saved["chains"]) == {"acceptance", "effective_sample_size", "step_size"}
    assert {"upper", "lower", "iw_svi"} < set(saved["bdmc"])
    assert 0 <= saved["importance_log_likelihood"]["unreliable_share"] <= 1
    assert 0 <= saved["active_units"] <= run_folder.load(trained)[1].latent_dim
    lost = saved["generalization"]
    parts = sum(lost[name]["mean"] for name in ("decoder_gap", "encoder_gap", "family_gap"))
    assert lost["elbo_gap"]["mean"] == pytest.approx(parts, abs=1e-4)
    assert lost["test"]["elbo"] == saved["elbo"]
    assert (trained / "generalization_test.png").exists()


@pytest.mark.slow
def test_evaluates_an_export_as_the_run_it_came_from(trained, tmp_path, capsys, monkeypatch):
    run(export, [trained, "--out", tmp_path / "exported"])
    options = ["--num-samples", 200, "--num-examples", 90, "--batch-size", 40]
    write, written = finished_batches.write, []

    def interrupted_once(path, index, results):
        write(path, index, results)
        written.append(index)
        if len(written) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(finished_batches, "write", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        run(evaluate, [tmp_path / "exported", *options, "--out", tmp_path / "out"])
    run(evaluate, [tmp_path / "exported", *options, "--out", tmp_path / "out"])
    assert written == [0, 1, 2]  # the first batch came from disk
    assert "log p(x), IWAE-200" in capsys.readouterr().out
    assert not list((tmp_path / "exported").glob("evaluation*"))
    exported = json.loads((tmp_path / "out" / "evaluation_test.json").read_text())
    run(evaluate, [trained, *options, "--max-steps", 1])
    original = json.loads((trained / "evaluation_test.json").read_text())
    for name in ("importance_log_likelihood", "elbo"):  # other samples, the same images
        difference = exported[name]["mean"] - original[name]["mean"]
        assert abs(difference) < 0.1
        assert exported[name]["standard_error"] == pytest.approx(
            original[name]["standard_error"], rel=0.1
        )
    other = tmp_path / "other.npz"
    np.savez(other, **dict.fromkeys(("train", "validation", "test"), np.eye(7, dtype="uint8")))
    path = tmp_path / "exported"
    assert "a path where nothing is yet" in refusal(export, [trained, "--out", path], capsys)
    assert "an array [N, 64]" in refusal(evaluate, [path, "--dataset", other], capsys)
    assert "`out` must not be" in refusal(evaluate, [path, "--out", path], capsys)
    (path / run_folder.EXPORTED_HASHES).unlink()
    assert "must have its list of files" in refusal(evaluate, [path, *options], capsys)


@pytest.mark.slow
def test_a_run_is_never_overwritten(trained, capsys):
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit) as stop:
        run(train, [*TRAIN, "--out", trained])
    assert stop.value.code == 2
    assert "must be a new or empty folder" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}


def test_a_run_is_trained_by_one_process(tmp_path, capsys):
    arguments = [*TRAIN, "--out", str(tmp_path / "run")]
    with locks.locked(tmp_path / "run"):
        assert "another process is at work" in refusal(train, arguments, capsys)
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "dvea"], "did you mean 'dvae'"),
        (["--dataset", "digit"], "did you mean 'digits'"),
        (["--noise-stddev", "-1"], "`noise_stddev` must be"),
        (["--denoising-weight", "2"], "`denoising_weight` must be"),
        (["--model", "wni_vae", "--noise-stddev", "None", "--max-norm", "0"], "`max_norm` must be"),
        (["--model", "diwae", "--num-importance-samples", "0"], "`num_importance_samples` must be"),
        (["--num-monte-carlo-samples", "0"], "`num_monte_carlo_samples` must be"),
        (["--dataset", "caltech101_silhouettes", "--manual-dir", "."], "needs caltech101"),
        (["--epochs", "0"], "`epochs` must be"),
    ],
)
def test_bad_options_give_one_sentence_and_leave_no_folder(arguments, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        run(train, [*TRAIN, "--data-dir", tmp_path / "d", *arguments, "--out", tmp_path / "run"])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert not (tmp_path / "run").exists()


def test_config_file_gives_defaults_and_the_command_line_wins(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("dataset: digits\nmodel: iwae\nencoder_units: [7, 8]\nepochs: 3\n")
    arguments = ["--config", str(file), "--out", "x", "--epochs", "5"]
    config = command_line.parse(TrainConfig, arguments)
    assert (config.encoder_units, config.epochs, config.model) == ((7, 8), 5, "iwae")
    assert TrainConfig.of_dict(json.loads(config.to_json())) == config
    file.write_text("epoch: 3\n")
    with pytest.raises(ValueError, match="must hold a mapping with keys"):
        command_line.parse(TrainConfig, arguments)
    for text in (b'{"dataset": "digits", "model', b"\xff\xfe\x00", b"a: b: c"):
        file.write_bytes(text)
        with pytest.raises(ValueError, match=r"config\.yaml must be YAML or JSON"):
            command_line.parse(TrainConfig, arguments)


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit):
        command_line.parse(TrainConfig, ["--help"])
    text = capsys.readouterr().out
    for option in (
        "--dataset --data-dir --manual-dir --encoder-units --latent-dim --num-importance-samples "
        "--noise-stddev --denoising-weight --max-norm --epochs --batch-size --learning-rate --seed"
    ).split():
        assert option in text


@pytest.mark.parametrize(("dataset", "is_its_own"), [(None, True), ("digits", True), ("x", False)])
def test_results_of_another_data_set_are_not_the_runs(dataset, is_its_own, tmp_path):
    (tmp_path / run_folder.METRICS).write_text("{}")
    config = evaluate.EvaluateConfig(str(tmp_path), dataset=dataset)
    out = evaluate._out(config, tmp_path, TrainConfig("digits", "vae", ""))
    assert out == (tmp_path if is_its_own else None)


def test_a_saved_model_is_evaluated_on_one_device(tmp_path, capsys):
    (tmp_path / "saved_model.pb").touch()
    error = refusal(evaluate, [tmp_path, "--strategy", "mirrored"], capsys)
    assert "evaluated on one device" in error
    error = refusal(evaluate, [tmp_path, "--ais", 10, "--generalization"], capsys)
    assert "no endpoints for these" in error
    assert "Received: ais=10, generalization=True" in error


def test_evaluate_without_a_run(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run(evaluate, [tmp_path])
    assert "must hold config.json" in capsys.readouterr().err
