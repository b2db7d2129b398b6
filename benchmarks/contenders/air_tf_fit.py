"""air_tf as its users call it: `model.fit` and `importance_log_likelihood`."""

import functools

import keras

import air_tf
from benchmarks import workload


def model(k, **options):
    """The model that all train."""
    units = workload.UNITS
    return air_tf.create_model(
        "iwae",
        workload.INPUT_DIM,
        workload.LATENT_DIM,
        encoder_units=units,
        decoder_units=units,
        num_importance_samples=k,
        seed=0,
        **options,
    )


def train(k, gradient_estimator="standard"):
    """A call of `fit`."""
    trained = model(k, gradient_estimator=gradient_estimator)
    trained.compile(keras.optimizers.Adam(workload.LEARNING_RATE))
    options = {"batch_size": workload.BATCH_SIZE, "epochs": workload.EPOCHS, "verbose": 0}
    return functools.partial(trained.fit, workload.training_images(k), **options)


def evaluate(k):
    """The IWAE-k bound of the images."""
    x = workload.images(workload.NUM_IMAGES)
    bound = air_tf.evaluation.importance_log_likelihood
    return functools.partial(bound, model(1), x, k, progress=False)


if __name__ == "__main__":
    resampled = functools.partial(train, gradient_estimator="resampled")
    workload.serve({"train": train, "train resampled": resampled, "evaluate": evaluate})
