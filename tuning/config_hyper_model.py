"""The models of a training config as a search space of KerasTuner."""

import dataclasses

import keras
from tqdm.keras import TqdmCallback

import air_tf
from trainers import train
from tuning import private_keras_tuner, refusals, space
from tuning.air_hyper_model import AIRHyperModel


class ConfigHyperModel(AIRHyperModel):
    """An `AIRHyperModel` over any model and data set of a `TrainConfig`.

    A hyperparameter is searched if `grid` or `ranges` has its name; otherwise it is as the config
    says. A trial is what `trainers.train` would do, on the data of the config and with early
    stopping; so `search` of a tuner takes `callbacks` and `verbose` alone. The objective is the
    validation bound in nats by which training stops.

    Args:
        config: a `TrainConfig`.
        grid, ranges: see `AIRHyperModel`; names are those of `tuning.space.HYPERPARAMETERS`. With
            neither, the strengths that the config leaves to the model.

    Raises:
        ValueError: for an unknown hyperparameter, an illegal value, a range that is none, nothing
            to search, or a strategy. From `fit`, that is from the `search` of a tuner, for another
            objective, or arguments other than `callbacks` and `verbose`.

    Example:
    >>> import keras_tuner
    >>> from trainers.train_config import TrainConfig
    >>> from tuning.config_hyper_model import ConfigHyperModel
    >>> config = TrainConfig(dataset="digits", model="dvae", out="runs/best")
    >>> hypermodel = ConfigHyperModel(config, grid={"noise_stddev": (0.1, 0.2)})
    >>> hp = keras_tuner.HyperParameters()
    >>> hypermodel.build(hp).encoder.layers[0].stddev
    0.1
    """

    def __init__(self, config, grid=None, ranges=None):
        self.config = config
        if not grid and not ranges:
            grid = space.default_grid(config.model, dataclasses.asdict(config))
        super().__init__(config.model, grid, ranges, seed=config.seed, monitor=config.monitor)
        if config.strategy is not None:
            raise ValueError(
                "A search trains on one device; tuning.launch makes several processes. "
                f"Received: strategy={config.strategy!r}"
            )
        self.max_epochs, self.validation_freq = config.epochs, config.validation_freq
        self.backup_seconds = config.backup_seconds
        self.data = train.load(config)

    def _known_names(self):
        return space.HYPERPARAMETERS

    def config_for(self, hp):
        """The `TrainConfig` with the values of a `keras_tuner.HyperParameters`."""
        values = self.values_for(hp)
        return replaced(self.config, values, seed=self.seed + self.execution)

    def check_search(self, args, names):
        refusals.data(args, names)

    def build(self, hp):
        return train.build(self.config_for(hp), self.data)

    def fit(self, hp, model, *args, callbacks=(), resuming=(), verbose=0, **options):
        by_hyperband = {"epochs", "initial_epoch"} if "tuner/epochs" in hp.values else set()
        refusals.data(args, options.keys() - by_hyperband)
        tuner = private_keras_tuner.tuner_of(callbacks)
        refusals.tuner(tuner)
        if tuner is not None:
            refusals.objective(tuner.oracle.objective, self.objective)
        # The best weights are restored in the end: once is enough for KerasTuner to save them.
        savers = private_keras_tuner.weight_savers(callbacks)
        callbacks = [c for c in callbacks if c not in savers]
        for callback in tuple(callbacks):
            if isinstance(callback, keras.callbacks.TensorBoard):
                callbacks += train.image_grids(callback.log_dir, self.data)
        # Only a terminal shows this bar.
        callbacks.append(TqdmCallback(verbose=0, desc="trial", leave=False, disable=None))
        callbacks = [air_tf.callbacks.TerminateOnNaN(), *resuming, *callbacks]
        with self.an_execution(hp, model, tuner):
            config = self.config_for(hp)
            history = train.fit(model, config, self.data, callbacks, verbose=verbose, **options)
        best = max(history.history[config.monitor])
        for saver in savers if self.best is None or best > self.best else ():
            saver.set_model(model)  # as it is now
            saver.on_epoch_end(len(history.epoch), {config.monitor: best})
        return history if resuming else private_keras_tuner.results(history, self.objective)


def replaced(config, values, **others):
    """The config with values of hyperparameters; a width is that of every hidden layer."""
    values = space.with_units(values, dataclasses.asdict(config))
    return dataclasses.replace(config, **values, **others)
