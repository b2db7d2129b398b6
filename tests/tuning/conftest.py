"""Searches whose trials take no time."""

import gc

import keras
import keras_tuner
import pytest

from trainers import provenance, train
from trainers.train_config import TrainConfig
from tuning import AIRHyperModel, ConfigHyperModel


@pytest.fixture
def trained():
    """(σ, seed) of each training of an instant search."""
    return []


@pytest.fixture
def instant_trials(monkeypatch, trained):
    """Searches without models, of score -σ. The fixture is {σ: error}, for trials to fail."""
    trouble = {}

    def no_training(self, trial, *args, **kwargs):
        config = self.hypermodel.config_for(trial.hyperparameters)
        backup, _ = kwargs["resuming"]
        backup.directory.mkdir(parents=True, exist_ok=True)
        if config.noise_stddev in trouble:
            raise trouble[config.noise_stddev]
        trained.append((config.noise_stddev, config.seed))
        return [_history(config)]

    monkeypatch.setattr(keras_tuner.Tuner, "run_trial", no_training)
    monkeypatch.setattr(ConfigHyperModel, "build", ConfigHyperModel.config_for)
    monkeypatch.setattr(provenance, "keep_versions", lambda path: {})
    return trouble


@pytest.fixture
def instant_fits(monkeypatch, trained):
    """Searches of score -σ without training; a model has σ for a bias. It lists the `fit`s."""
    fits = []

    def no_training(model, config, data, callbacks=(), **options):
        fits.append({"callbacks": callbacks, **options})
        trained.append((config.noise_stddev, config.seed))
        return _history(config)

    def tiny(config, data):
        bias = keras.initializers.Constant(config.noise_stddev)
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, bias_initializer=bias)])

    monkeypatch.setattr(train, "build", tiny)
    monkeypatch.setattr(train, "fit", no_training)
    monkeypatch.setattr(gc, "collect", lambda *args: 0)  # half a second for each model
    monkeypatch.setattr(provenance, "keep_versions", lambda path: {})
    return fits


def _history(config):
    history = keras.callbacks.History()
    history.history, history.epoch = {"val_iwae": [-config.noise_stddev]}, [0]
    return history


@pytest.fixture
def hypermodel():
    """A small `ConfigHyperModel` with a grid of three σ."""
    units = {"encoder_units": (4,), "decoder_units": (4,), "latent_dim": 2}
    config = TrainConfig("digits", "dvae", "", epochs=2, **units)
    return AIRHyperModel(config, grid={"noise_stddev": (0.1, 0.2, 0.4)})
