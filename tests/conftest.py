"""Small models and data for all tests."""

import keras
import numpy as np
import pytest

import air_tf
from air_tf import checksums, files
from trainers import run_folder
from trainers.train_config import TrainConfig

INPUT_DIM, LATENT_DIM = 12, 3

# Neutral options that make each named model small; `strengths` completes them.
SMALL = {
    "input_dim": INPUT_DIM,
    "latent_dim": LATENT_DIM,
    "encoder_units": (8,),
    "decoder_units": (7,),
    "seed": 0,
}


def strengths(name):
    """Options that switch on the named model's regularizers, strongly enough to notice."""
    options = {}
    if "iwae" in name:
        options["num_importance_samples"] = 4
    if name.startswith("d"):
        options["noise_stddev"] = 0.5
    if "wni" in name:
        options["max_norm"] = 0.8
    return options


def small_model(name="vae", **options):
    return air_tf.create_model(name, **{**SMALL, **strengths(name), **options})


def compiled(name="vae", optimizer=None, jit_compile=True, steps_per_execution=None, **options):
    model = small_model(name, **options)
    model.compile(
        optimizer or keras.optimizers.SGD(0.1),
        jit_compile=jit_compile,
        steps_per_execution=steps_per_execution,
    )
    return model


def untrained_run(path):
    """Writes a run folder of digits whose model is not trained."""
    units = {"encoder_units": (8,), "decoder_units": (7,), "latent_dim": 3}
    run_folder.create(TrainConfig("digits", "vae", str(path), **units))
    model = air_tf.create_model("vae", input_dim=64, seed=0, **units)
    model.save(path / run_folder.MODEL)
    metrics = {"model_sha256": checksums.sha256(path / run_folder.MODEL)}
    files.write_json(path / run_folder.METRICS, metrics)


@pytest.fixture
def x():
    """Binary observations `[32, 12]`, uint8."""
    return (np.random.default_rng(0).random((32, INPUT_DIM)) < 0.4).astype("uint8")


@pytest.fixture
def without_xla(monkeypatch):
    """Trains without XLA, which is slow to compile, if a test is about something else."""
    compile_model = air_tf.VariationalAutoencoder.compile

    def compile_without(self, *args, jit_compile=False, **kwargs):
        compile_model(self, *args, jit_compile=jit_compile, **kwargs)

    monkeypatch.setattr(air_tf.VariationalAutoencoder, "compile", compile_without)


@pytest.fixture(autouse=True)
def _restore_keras():
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True, scope="module")
def _clear_keras():
    """Frees what a module's models hold; at a third of a second, too slow for every test."""
    yield
    keras.backend.clear_session()
