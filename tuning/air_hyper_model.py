"""The models of this library as a search space of KerasTuner."""

import dataclasses
import math

import keras
import keras_tuner
from tqdm.keras import TqdmCallback

import air_tf
from air_tf import checks
from trainers import train
from tuning import private_keras_tuner, refusals

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

    A hyperparameter is searched if `grid` or `ranges` has its name; otherwise it is as the config
    says. A trial is what `trainers.train` would do, on the data of the config and with early
    stopping. The objective is the validation bound in nats by which training stops.

    The tuners of this package resume a search that was killed, and train each execution of a trial
    with a seed of its own. KerasTuner's own tuners take this class, too, for one execution a trial.

    Args:
        config: a `TrainConfig`.
        grid: {hyperparameter: values}.
        ranges: {hyperparameter: (low, high)}; on a logarithmic scale, unless low is 0.

    Attributes:
        execution: a number that is added to the seed of the config; the tuners of this package set
            it for each execution of a trial.
        best: the bound above which the weights of an execution are saved.

    Raises:
        ValueError: for an unknown hyperparameter, an illegal value, a range that is none, or a
            strategy. From `fit`, that is from the `search` of a tuner, for another objective,
            several executions by a tuner of KerasTuner, or arguments other than `callbacks` and
            `verbose`.

    Example:
    >>> import keras_tuner
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
        if config.strategy is not None:
            raise ValueError(
                "A search trains on one device; tuning.launch makes several processes. "
                f"Received: strategy={config.strategy!r}"
            )
        self.data = train.load(config)

    def config_for(self, hp):
        """The `TrainConfig` with the values of a `keras_tuner.HyperParameters`."""
        values = {name: hp.Choice(name, list(grid)) for name, grid in self.grid.items()}
        for name, (low, high) in self.ranges.items():
            whole = HYPERPARAMETERS[name] is checks.positive_int
            sampling = "log" if low > 0 else "linear"
            values[name] = (hp.Int if whole else hp.Float)(name, low, high, sampling=sampling)
        return replaced(self.config, values, seed=self.config.seed + self.execution)

    @property
    def objective(self):
        """The `keras_tuner.Objective` of a search: the bound by which trials stop."""
        return keras_tuner.Objective(self.config.monitor, "max")

    def build(self, hp):
        return train.build(self.config_for(hp), self.data)

    def fit(self, hp, model, *args, callbacks=(), resuming=(), verbose=0, **options):
        # KerasTuner has copied `callbacks`; `resuming` are those of the tuners of this package.
        by_hyperband = {"epochs", "initial_epoch"} if "tuner/epochs" in hp.values else set()
        refusals.data(args, options.keys() - by_hyperband)
        refusals.tuner(private_keras_tuner.tuner_of(callbacks), self.objective)
        # KerasTuner would save the weights after every epoch that has no validation.
        savers = private_keras_tuner.weight_savers(callbacks)
        callbacks = [c for c in callbacks if c not in savers]
        for callback in tuple(callbacks):
            if isinstance(callback, keras.callbacks.TensorBoard):
                x, image_shape = self.data.validation[:50], self.data.image_shape
                callbacks.append(air_tf.callbacks.ImageGrids(callback.log_dir, x, image_shape))
        # Only a terminal shows this bar.
        callbacks.append(TqdmCallback(verbose=0, desc="trial", leave=False, disable=None))
        config = self.config_for(hp)
        callbacks = [air_tf.callbacks.TerminateOnNaN(), *resuming, *callbacks]
        history = train.fit(model, config, self.data, callbacks, verbose=verbose, **options)
        best = max(history.history[config.monitor])
        for saver in savers if best > self.best else ():  # of the model as it is now
            saver.set_model(model)
            saver.on_epoch_end(len(history.epoch), {config.monitor: best})
        return history


def replaced(config, values, **others):
    """The config with values of hyperparameters; a width is that of every hidden layer."""
    values = {**values, **others}
    for network in ("encoder", "decoder"):
        width = values.pop(f"{network}_width", None)
        if width is not None:
            depth = len(getattr(config, f"{network}_units"))
            values[f"{network}_units"] = (width,) * depth
    return dataclasses.replace(config, **values)


def _legal(name, values):
    """The values as a tuple of numbers; raises ValueError for one that is not legal."""
    check = HYPERPARAMETERS[checks.one_of("hyperparameter", name, HYPERPARAMETERS)]
    if check is checks.positive_int:
        values = [int(value) if float(value).is_integer() else value for value in values]
    return tuple(check(name, value) for value in values)
