"""The command lines on observations that are no binary pixels, and what they refuse."""

import json
import shlex
import typing

import numpy as np
import pytest
import tensorflow as tf

import air_tf
from air_tf import distributions
from tests.commands import refusal, run
from trainers import evaluate, export, run_folder, train
from trainers.train_config import TrainConfig

SPLITS = ("train", "validation", "test")
SMALL = shlex.split(
    "--encoder-units 8 --decoder-units 7 --latent-dim 3 --epochs 2 --batch-size 50 --seed 3"
)
QUICK = shlex.split("--num-samples 20 --max-steps 2 --num-examples 6")


def saved(path, x):
    size = len(x) // 3
    parts = (x[:size], x[size : 2 * size], x[2 * size :])
    np.savez(path, **dict(zip(SPLITS, parts, strict=True)))
    return path


def tags(path):
    return {
        value.tag
        for file in (path / "logs").rglob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    }


def evaluation(path):
    return json.loads((path / "evaluation_test.json").read_text())


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
def test_colour_images_with_convolutions(tmp_path, capsys):
    x = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), np.uint8)
    data, path = saved(tmp_path / "colour.npz", x), tmp_path / "run"
    kind = ["--likelihood", "discretized_logistic", "--architecture", "conv", "--max-norm", 1]
    run(train, ["--dataset", data, "--model", "wni_vae", *kind, *SMALL, "--out", path])
    for name in ("samples.png", "reconstructions.png"):
        assert tf.io.decode_png((path / name).read_bytes()).shape[2] >= 3
    assert {"samples", "reconstructions"} <= tags(path)
    _, model = run_folder.load(path)
    assert model.observation_shape == (8, 8, 3)
    run(export, [path, "--out", tmp_path / "exported"])
    run(evaluate, [tmp_path / "exported", *QUICK, "--out", tmp_path / "out"])
    assert "bits per dimension" in capsys.readouterr().out
    found = evaluation(tmp_path / "out")
    bits = -found["importance_log_likelihood"]["mean"] / (8 * 8 * 3 * np.log(2))
    assert found["bits_per_dimension"]["mean"] == pytest.approx(bits, rel=1e-5)
    other = saved(tmp_path / "other.npz", x[:, :4])
    for trained in (path, tmp_path / "exported"):
        message = refusal(evaluate, [trained, "--dataset", other], capsys)
        assert "`x` must be an array [N, 8, 8, 3]" in message
        message = refusal(evaluate, [trained, "--likelihood", "poisson"], capsys)
        assert "Received: likelihood='poisson'" in message


def test_bits_per_dimension_are_of_the_best_estimate():
    values = {"elbo": -9.0, "importance_log_likelihood": -8.0, "log_likelihood": -7.0}
    estimates = {name: air_tf.evaluation.Estimate(np.full(3, x)) for name, x in values.items()}
    bits = evaluate._bits_per_dimension(estimates, 5)
    np.testing.assert_allclose(bits.per_example, 7.0 / (5 * np.log(2)))


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
def test_a_table_has_no_pictures(tmp_path, capsys):
    path = tmp_path / "run"
    arguments = ["--dataset", "wine", "--model", "dvae", "--likelihood", "gaussian", *SMALL]
    run(train, [*arguments, "--out", path])
    assert {file.name for file in path.iterdir()} == {
        "config.json", "versions.json", "logs", "model.keras", "metrics.json"
    }  # fmt: skip
    assert not {"samples", "reconstructions"} & tags(path)
    assert "epoch_iwae" in tags(path)
    run(export, [path, "--out", tmp_path / "exported"])
    run(evaluate, [tmp_path / "exported", *QUICK, "--out", tmp_path / "out"])
    assert np.isfinite(evaluation(tmp_path / "out")["elbo"]["mean"])
    assert "bits per dimension" not in capsys.readouterr().out
    (tmp_path / "exported" / run_folder.EXPORTED_CONFIG).unlink()
    (tmp_path / "exported" / run_folder.EXPORTED_HASHES).unlink()
    (tmp_path / "exported" / run_folder.EXPORTED_HASHES).parent.rmdir()
    unknown = [tmp_path / "exported", *QUICK, "--dataset", "wine"]
    assert "needs --likelihood" in refusal(evaluate, unknown, capsys)
    assert "suit likelihood='poisson'" in refusal(
        evaluate, [*unknown, "--likelihood", "poisson"], capsys
    )
    run(evaluate, [*unknown, "--likelihood", "gaussian"])
    assert "log p(x), IWAE-20" in capsys.readouterr().out


@pytest.mark.usefixtures("without_xla")
def test_counts_with_masking_noise(tmp_path):
    x = np.random.default_rng(0).poisson(3, (60, 5)).astype("uint8")
    noise = ["--noise-kind", "masking", "--noise-stddev", 0.3]
    data = saved(tmp_path / "counts.npz", x)
    arguments = ["--dataset", data, "--model", "dvae", "--likelihood", "poisson", *noise, *SMALL]
    run(train, [*arguments, "--out", tmp_path / "run"])
    config, model = run_folder.load(tmp_path / "run")
    assert (config.likelihood, config.noise_kind) == ("poisson", "masking")
    (noise,) = (layer for layer in model.encoder.layers if hasattr(layer, "kind"))
    assert (noise.kind, noise.stddev) == ("masking", 0.3)
    np.testing.assert_array_equal(train.load(config).train, x[:20])
    assert not list((tmp_path / "run").glob("*.png"))


def evaluated(config, trained, shape):
    """The examples that trainers.evaluate evaluates."""
    return evaluate._examples(config, evaluate._data(config, trained), config.split, shape)


def test_flat_images_become_images_for_convolutions(tmp_path):
    options = {"architecture": "conv", "encoder_units": (4,), "decoder_units": (4,)}
    for likelihood in ("bernoulli", "gaussian"):
        config = TrainConfig("digits", "vae", "", likelihood=likelihood, **options)
        data = train.load(config)
        assert data.train.shape == (1000, 8, 8, 1)
        assert train.build(config, data).observation_shape == (8, 8, 1)
        of_run = evaluate.EvaluateConfig("", num_examples=5)
        assert evaluated(of_run, config, (8, 8, 1)).shape == (5, 8, 8, 1)
    flat = evaluate.EvaluateConfig("", num_examples=5)
    mlp = TrainConfig("digits", "vae", "")
    assert evaluated(flat, mlp, (8, 8, 1)).shape == (5, 8, 8, 1)
    np.savez(tmp_path / "x.npz", **dict.fromkeys(SPLITS, np.eye(64, dtype="uint8")))
    images = TrainConfig(str(tmp_path / "x.npz"), "vae", "")
    assert evaluated(flat, images, (64,)).shape == (5, 64)
    with pytest.raises(ValueError, match=r"must be an array \[N, 8, 9\]"):
        evaluated(flat, images, (8, 9))


def test_each_likelihood_finds_its_values():
    """Only a Bernoulli likelihood has grey levels drawn."""
    drawn = train.load(TrainConfig("digits", "vae", "", binarization="dynamic"))
    assert drawn.binarization == "dynamic"
    grey = train.load(TrainConfig("digits", "vae", "", likelihood="gaussian"))
    assert set(np.unique(grey.train * 16)) == set(range(17))
    levels = train.load(TrainConfig("digits/grey", "vae", "", likelihood="poisson"))
    assert levels.train.max() == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--dataset wine", "wine does not suit likelihood='bernoulli': `train` must hold"),
        ("--dataset wine --likelihood poisson", "likelihood='poisson': `train` must hold"),
        ("--dataset digits/grey --likelihood gaussian", "Received: train.dtype=uint8"),
        ("--dataset digits --binarization none", "likelihood='bernoulli': `train` must hold"),
        (
            "--dataset wine --likelihood gaussian --architecture conv",
            "architecture='conv' is for images",
        ),
        (
            "--dataset digits --likelihood gaussian --binarization dynamic",
            "Received: binarization='dynamic', likelihood='gaussian'",
        ),
        ("--dataset digits --noise-kind masking", "The model 'vae' has no `noise_kind`"),
    ],
)
def test_what_does_not_fit_is_one_sentence(arguments, message, tmp_path, capsys):
    out = ["--out", tmp_path / "run"]
    error = refusal(train, [*shlex.split(arguments), "--model", "vae", *SMALL, *out], capsys)
    assert error.startswith("error: ")
    assert message in error
    assert "Received: " in error
    assert not (tmp_path / "run").exists()


def test_configs_from_before_there_were_likelihoods():
    now = TrainConfig("digits", "vae", "out")
    values = json.loads(now.to_json())
    for name in ("likelihood", "architecture", "noise_kind"):
        del values[name]
    assert TrainConfig.of_dict(values) == now
    known = typing.get_type_hints(TrainConfig)["likelihood"]
    assert set(typing.get_args(known)) == set(distributions.LIKELIHOODS)


class Shown:
    """Stands for a model: its samples and reconstructions are the observations."""

    def __init__(self, x):
        self.x = x

    def sample(self, num_samples, seed):
        return np.resize(self.x, (num_samples, *self.x.shape[1:]))

    def reconstruct(self, x, seed):
        return 2 * x


@pytest.mark.parametrize("image_shape", [(2, 3), (2, 3, 1), (2, 3, 3)])
@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(0, 1, (0, 1)), (0, 255, (0, 255)), (0, 200, (0, 255)), (0, 16, (0, 16)), (-3, 2, (-3, 2))],
)
def test_grids_show_values_by_what_they_are(image_shape, low, high, shown):
    x = np.linspace(low, high, 4 * np.prod(image_shape)).reshape(4, *image_shape)
    for observations in (x, x.reshape(4, -1)):
        model = Shown(observations)
        grids = air_tf.plotting.model_grids(model, observations, image_shape, seed=0, columns=2)
        size = (2 * 3 - 1, 2 * 4 - 1)
        channels = (3,) if image_shape[2:] == (3,) else ()
        assert grids["samples"].shape == (*size, *channels)
        scaled = (x - shown[0]) / (shown[1] - shown[0])
        first = scaled[0].reshape(2, 3, *channels)
        np.testing.assert_allclose(grids["samples"][:2, :3], first, atol=1e-6)
        np.testing.assert_allclose(grids["reconstructions"][:2, :3], first, atol=1e-6)
        assert grids["reconstructions"].min() >= 0
        assert grids["reconstructions"].max() <= 1
