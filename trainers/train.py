"""`python -m trainers.train`: trains one model and writes its run folder."""

import pathlib
import shutil
import time

import keras
import matplotlib.image
import numpy as np

import air_tf
from air_tf import checks, checksums, distributions, files
from trainers import command_line, learning_rates, locks, run_folder, strategies
from trainers.train_config import TrainConfig


def load(config):
    """The data set of a config, in the shape that its architecture takes.

    Raises:
        ValueError: for data that the likelihood does not take, or that are no images for conv.
    """
    binarization = config.binarization
    if config.likelihood != "bernoulli":
        if binarization == "dynamic":
            raise ValueError(
                "Only the Bernoulli likelihood takes pixels that are drawn again in each epoch. "
                f"Received: binarization='dynamic', likelihood={config.likelihood!r}"
            )
        binarization = "none"
    data = air_tf.datasets.load(
        config.dataset,
        data_dir=config.data_dir,
        manual_dir=config.manual_dir,
        binarization=binarization,
        seed=0,
    )
    likelihood = distributions.get(config.likelihood, distributions.LIKELIHOODS)
    for split in ("train", "validation", "test"):
        if split != "train" or data.binarization != "dynamic":
            try:
                likelihood.check(getattr(data, split), split)
            except ValueError as error:
                raise ValueError(
                    f"{config.dataset} does not suit likelihood={config.likelihood!r}: {error}"
                ) from None
    if config.architecture == "mlp":
        return data
    try:
        return data.as_images()
    except ValueError as error:
        raise ValueError(f"architecture='conv' is for images. {error}") from None


def build(config, data):
    """The compiled model of a config; its output bias starts at the means of the data."""
    for name in ("epochs", "batch_size", "patience", "validation_freq"):
        checks.positive_int(name, getattr(config, name))
    if config.num_iw_svi_examples is not None:
        checks.positive_int("num_iw_svi_examples", config.num_iw_svi_examples)
    if config.validation_freq > config.epochs:
        raise ValueError(
            "`validation_freq` must be at most `epochs`. "
            f"Received: validation_freq={config.validation_freq}, epochs={config.epochs}"
        )
    shape = data.train.shape[1:]
    model = air_tf.create_model(config.model, input_shape=shape, **config.model_options())
    if data.binarization != "dynamic":
        model.initialize_output_bias(data.train)
    steps = config.epochs * -(-len(data.train) // config.batch_size)
    model.compile(keras.optimizers.Adam(learning_rates.schedule(config, steps)))
    model.optimizer.build(model.trainable_variables)  # KerasTuner loads all variables of a model
    return model


def fit(model, config, data, callbacks=(), **options):
    """Fits a compiled model with early stopping; the best weights are restored.

    Args:
        model, config, data: as for `build`.
        callbacks: more callbacks.
        **options: options of `model.fit`, which replace the config's.

    Returns:
        The `keras.callbacks.History`.
    """
    keras.utils.set_random_seed(config.seed)
    stopping = [air_tf.callbacks.EarlyStopping(config.patience, config.monitor)]
    if config.num_iw_svi_examples is not None:
        x = data.validation[: config.num_iw_svi_examples]
        stopping.insert(0, air_tf.callbacks.IWSVIValidation(x))
    inputs = {"x": data.train, "batch_size": config.batch_size}
    if data.binarization == "dynamic":
        inputs = {"x": data.training_batches(config.batch_size, config.seed), "shuffle": False}
    options = {
        "epochs": config.epochs,
        "validation_data": (data.validation,),
        "validation_batch_size": min(500, len(data.validation)),
        "validation_freq": config.validation_freq,
        **options,
    }
    return model.fit(**inputs, callbacks=[*stopping, *callbacks], **options)


def train(config):
    """Trains the model of a config and writes its run folder; returns the model.

    An interrupted run resumes from its last backup, and ends as if nothing had happened.

    Raises:
        FileExistsError: if the folder holds anything except this run, unfinished.
        ValueError: if another process is at work in the folder.
    """
    strategy = strategies.make(config.strategy)
    data = load(config)
    with strategy.scope():
        model = build(config, data)
    path = pathlib.Path(config.out)
    stopwatch = Stopwatch()
    callbacks = [
        air_tf.callbacks.TerminateOnNaN(),
        air_tf.callbacks.BackupAndRestore(path / run_folder.BACKUPS, config.backup_seconds),
        stopwatch,  # after the backup, which restores this state when an epoch begins
    ]
    if not strategies.is_chief(strategy):
        fit(model, config, data, callbacks)
        return model
    logs = path / run_folder.LOGS
    callbacks += [keras.callbacks.TensorBoard(logs), *image_grids(logs, data)]
    with locks.locked(path):
        run_folder.create(config)
        history = fit(model, config, data, callbacks).history
        _write(path, model, config, data, history, stopwatch.seconds)
    return model


def image_grids(log_dir, data):
    """A list with the callback that writes grids to TensorBoard; an empty one without images."""
    if data.image_shape is None:
        return []
    return [air_tf.callbacks.ImageGrids(log_dir, data.validation[:50], data.image_shape)]


class Stopwatch(keras.callbacks.Callback):
    """Counts the seconds of the epochs; a backup keeps the seconds before an interruption."""

    seconds = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds += time.perf_counter() - self._start


def _write(path, model, config, data, history, seconds):
    with files.whole(path / run_folder.MODEL) as unfinished:
        named = unfinished.with_suffix(".keras")  # Keras saves only to names that end so
        model.save(named)
        named.rename(unfinished)
    if data.image_shape is not None:
        grids = air_tf.plotting.model_grids(model, data.validation, data.image_shape, config.seed)
        for name, grid in grids.items():
            matplotlib.image.imsave(path / f"{name}.png", grid, cmap="gray_r", vmin=0, vmax=1)
    best = int(np.argmax(history[config.monitor]))
    metrics = {
        "epochs": len(history["loss"]),
        "best_epoch": (best + 1) * config.validation_freq,
        "seconds": seconds,
        "model_sha256": checksums.sha256(path / run_folder.MODEL),
        "history": history,
        **{f"best_{name}": history[name][best] for name in history if name.startswith("val_")},
    }
    files.write_json(path / run_folder.METRICS, metrics)
    shutil.rmtree(path / run_folder.BACKUPS, ignore_errors=True)
    print(f"{path}: best {config.monitor} {history[config.monitor][best]:.2f} nats")


if __name__ == "__main__":
    command_line.run(train, TrainConfig)
