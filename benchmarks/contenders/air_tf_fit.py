"""air_tf as its users call it: `model.fit` and `importance_log_likelihood`."""

import functools
import pathlib
import tempfile
from unittest import mock

import keras
import tensorflow as tf

import air_tf
from air_tf.fitting import executions
from air_tf.program import program
from benchmarks import workload


def model(k, input_dim=workload.INPUT_DIM, **options):
    """The model that all contenders train."""
    units = workload.UNITS
    return air_tf.create_model(
        "iwae",
        input_dim,
        workload.LATENT_DIM,
        encoder_units=units,
        decoder_units=units,
        num_importance_samples=k,
        num_validation_samples=workload.VALIDATION_SAMPLES,
        seed=0,
        **options,
    )


def train(k, gradient_estimator="standard"):
    """A call of `fit` on an array."""
    fit = compiled(k, gradient_estimator=gradient_estimator).fit
    x = workload.training_images(k)
    return lambda: fit(x, batch_size=workload.BATCH_SIZE, epochs=workload.EPOCHS, verbose=0)


def train_from_disk(k):
    """A call of `fit` on a `tf.data` pipeline that reads, shuffles and batches a file's images."""
    path = pathlib.Path(tempfile.mkdtemp()) / "images"
    workload.training_images(k).tofile(path)
    records = tf.data.FixedLengthRecordDataset(str(path), workload.INPUT_DIM)
    batches = records.shuffle(10_000).batch(workload.BATCH_SIZE)
    x = batches.map(lambda record: tf.io.decode_raw(record, tf.uint8))
    x = x.map(lambda image: tf.ensure_shape(image, [None, workload.INPUT_DIM]))
    fit = compiled(k).fit
    return lambda: fit(x, epochs=workload.EPOCHS, verbose=0)


def train_and_validate(data_set):
    """A call of `fit` with validation in each epoch, early stopping and the best weights."""
    x, validation, epochs = workload.data_set(data_set)
    fit = compiled(1, input_dim=x.shape[1]).fit
    return lambda: fit(
        x,
        batch_size=workload.BATCH_SIZE,
        epochs=epochs,
        validation_data=(validation,),
        callbacks=[air_tf.callbacks.EarlyStopping(patience=epochs)],
        verbose=0,
    )


def programs(data_set):
    """The two XLA programs of `train_and_validate`, called by hand with their data ready."""
    calls, epochs = [], workload.data_set(data_set)[2]

    def noted(function, jit_compile=None):
        run = program(function, jit_compile)
        return (lambda *data: calls.append((run, data)) or run(*data)) if jit_compile else run

    with mock.patch.object(executions, "program", noted):
        train_and_validate(data_set)()
    last_epoch = calls[-(len(calls) // epochs) :]

    def work():
        for _ in range(epochs):
            for run, data in last_epoch:
                logs = run(*data)
            logs["loss"].numpy()

    return work


def compiled(k, **options):
    """The model with its optimizer."""
    result = model(k, **options)
    result.compile(keras.optimizers.Adam(workload.LEARNING_RATE))
    return result


def evaluate(k):
    """The IWAE-k bound of the images."""
    x = workload.images(workload.NUM_IMAGES)
    bound = air_tf.evaluation.importance_log_likelihood
    return functools.partial(bound, model(1), x, k, progress=False)


if __name__ == "__main__":
    resampled = functools.partial(train, gradient_estimator="resampled")
    workload.serve(
        {
            "train": train,
            "train resampled": resampled,
            "train from disk": train_from_disk,
            "train and validate": train_and_validate,
            "its programs": programs,
            "evaluate": evaluate,
        }
    )
