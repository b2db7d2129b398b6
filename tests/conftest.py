"""Small models and data for all tests."""

import keras
import numpy as np
import pytest

import air_tf
from air_tf.models.bound_trainer import BoundTrainer

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
    """Options that switch on what the named model regularizes, strongly enough to be seen."""
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


@pytest.fixture
def x():
    """Binary observations `[32, 12]`, uint8."""
    return (np.random.default_rng(0).random((32, INPUT_DIM)) < 0.4).astype("uint8")


@pytest.fixture
def without_xla(monkeypatch):
    """Trains without XLA, which takes its time to compile, where a test is about something else."""
    compile_model = BoundTrainer.compile

    def compile_without(self, *args, jit_compile=False, **kwargs):
        compile_model(self, *args, jit_compile=jit_compile, **kwargs)

    monkeypatch.setattr(BoundTrainer, "compile", compile_without)


@pytest.fixture(autouse=True)
def _restore_keras():
    yield
    keras.config.set_dtype_policy("float32")
    keras.backend.clear_session()
