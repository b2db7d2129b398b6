"""The models of this library as a search space of KerasTuner."""

import dataclasses
import math

import keras
import keras_tuner
from keras_tuner.src.engine import tuner_utils
from tqdm.keras import TqdmCallback

import air_tf
from air_tf import checks
from trainers import train

# What can be searched, and what a value of it must be.
HYPERPARAMETERS = {
    "noise_stddev": checks.positive,
    "denoising_weight": checks.in_unit_interval,
    "max_norm": checks.positive,
    "learning_rate": checks.positive,
    "num_importance_samples": checks.positive_int,
    "latent_dim": checks.positive_int,
    "encoder_width": checks.positive_int,
    "decoder_width": checks.positive_int,
}


class AIRHyperModel(keras_tuner.HyperModel):
    """A `keras_tuner.HyperModel` over any model and data set of a `TrainConfig`.

    A hyperparameter is searched if it is named in `grid` or `ranges`, and as the config says
    otherwise. A trial is what `trainers.train` would do: early stopping included, on the data of
    the config. The objective is `keras_tuner.Objective(config.monitor, "max")`, the validation
    bound in nats by which training stops.

    Args:
        config: a `TrainConfig`.
        grid: {hyperparameter: values}.
        ranges: {hyperparameter: (low, high)}; on a logarithmic scale, unless low is 0.

    Attributes:
        execution: number added to the seed of the config: trains the same model once more.
            `tuning.search` counts it; KerasTuner's own tuners leave it as it is, so that more
            `executions_per_trial` than one would give them the same numbers again.
        best: bound from which on the weights of a trial are saved.

    Raises:
        ValueError: for an unknown hyperparameter, an illegal value, or a range that is none.

    Example:
    >>> from trainers.train_config import TrainConfig
    >>> from tuning.air_hyper_model import AIRHyperModel
    >>> config = TrainConfig(dataset="digits", model="dvae", out="runs/best")
    >>> hypermodel = AIRHyperModel(config, grid={"noise_stddev": (0.1, 0.2)})
    >>> hp = keras_tuner.HyperParameters()
    >>> hypermodel.build(hp).encoder.layers[0].stddev
    0.1
    """

    def __init__(self, config, grid=None, ranges=None):
        super().__init__()
        self.config = config
        self.grid = {name: _legal(name, values) for name, values in (grid or {}).items()}
        self.ranges = {name: _legal(name, values) for name, values in (ranges or {}).items()}
        self.execution, self.best = 0, -math.inf
        for name, values in self.ranges.items():
            if len(values) != 2 or not values[0] < values[1]:
                raise ValueError(f"A range must be (low, high). Received: {name}={values}")
        twice = sorted(self.grid.keys() & self.ranges.keys())
        if twice:
            raise ValueError(f"A grid or a range, not both, for one name. Received: {twice}")
        self.data = train.load(config)

    def config_for(self, hp):
        """The `TrainConfig` with the values of a `keras_tuner.HyperParameters`."""
        values = {name: hp.Choice(name, list(grid)) for name, grid in self.grid.items()}
        for name, (low, high) in self.ranges.items():
            whole = HYPERPARAMETERS[name] is checks.positive_int
            sampling = "log" if low > 0 else "linear"
            values[name] = (hp.Int if whole else hp.Float)(name, low, high, sampling=sampling)
        return replaced(self.config, values, seed=self.config.seed + self.execution)

    def build(self, hp):
        return train.build(self.config_for(hp), self.data)

    def fit(self, hp, model, callbacks=(), resuming=(), verbose=0, **kwargs):
        # KerasTuner has copied `callbacks`; `resuming` are those of `tuning.search` itself.
        # KerasTuner would save the weights after every epoch that has no validation.
        saving = [c for c in callbacks if isinstance(c, tuner_utils.SaveBestEpoch)]
        callbacks = [c for c in callbacks if c not in saving]
        for callback in tuple(callbacks):
            if isinstance(callback, keras.callbacks.TensorBoard):
                x, image_shape = self.data.validation[:50], self.data.image_shape
                callbacks.append(air_tf.callbacks.ImageGrids(callback.log_dir, x, image_shape))
        # Seen in a terminal alone.
        callbacks.append(TqdmCallback(verbose=0, desc="trial", leave=False, disable=None))
        config, callbacks = self.config_for(hp), [*resuming, *callbacks]
        history = train.fit(model, config, self.data, callbacks, verbose=verbose, **kwargs)
        best = max(history.history[config.monitor])
        for callback in saving if best > self.best else ():  # of the model as it is now
            callback.set_model(model)
            callback.on_epoch_end(len(history.epoch), {config.monitor: best})
        return history


def replaced(config, values, **others):
    """The config with hyperparameters in place; a width becomes that of every hidden layer."""
    values = {**values, **others}
    for network in ("encoder", "decoder"):
        width = values.pop(f"{network}_width", None)
        if width is not None:
            depth = len(getattr(config, f"{network}_units"))
            values[f"{network}_units"] = (width,) * depth
    return dataclasses.replace(config, **values)


def _legal(name, values):
    check = HYPERPARAMETERS[checks.one_of("hyperparameter", name, HYPERPARAMETERS)]
    if check is checks.positive_int:
        values = [int(value) if float(value).is_integer() else value for value in values]
    return tuple(check(name, value) for value in values)
