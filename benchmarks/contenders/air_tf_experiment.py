"""The small experiment with air_tf."""

import sys

import keras

import air_tf
from benchmarks import experiment, workload


class _FirstEpoch(keras.callbacks.Callback):
    """Says that the steps of the first epoch are done, before its validation."""

    _is_done = False

    def on_test_begin(self, logs=None):
        if not self._is_done:
            self._is_done = True
            experiment.reached("first epoch")


def main(k):
    """Trains an IWAE and evaluates it."""
    experiment.reached("imported")
    train, validation = experiment.data()
    model = air_tf.create_model(
        "iwae",
        experiment.INPUT_DIM,
        workload.LATENT_DIM,
        workload.UNITS,
        workload.UNITS,
        num_importance_samples=k,
        num_validation_samples=experiment.NUM_VALIDATION_SAMPLES,
        seed=0,
    )
    model.compile(keras.optimizers.Adam(workload.LEARNING_RATE))
    model.fit(
        train,
        validation_data=(validation,),
        batch_size=workload.BATCH_SIZE,
        epochs=experiment.EPOCHS,
        callbacks=[_FirstEpoch()],
        verbose=0,
    )
    experiment.reached("trained")
    images = validation[: experiment.NUM_EVALUATED]
    air_tf.evaluation.importance_log_likelihood(model, images, experiment.NUM_SAMPLES)
    experiment.reached("evaluated")


if __name__ == "__main__":
    main(int(sys.argv[1]))
