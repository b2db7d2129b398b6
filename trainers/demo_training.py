"""The demo's trainings: few digits, many steps, no early stop, with evaluations along the way."""

import dataclasses

import keras

import air_tf
from trainers import trajectory

NUM_TRAINING_DIGITS, LATENT_DIM, LEARNING_RATE = 300, 50, 1e-3
# Parts of equal length of a training; each ends with a validation.
EPOCHS = 40
EVALUATED_EPOCHS = (5, 10, 20, EPOCHS)


@dataclasses.dataclass(frozen=True)
class Run:
    """A training and its evaluations on test digits.

    Attributes:
        model: the `VariationalAutoencoder`, which the runs of other seeds share.
        strength: options that regularize its encoder, such as {"noise_stddev": 0.4}; {} for none.
        seed: int.
        trajectory: `trajectory.Trajectory` of `InferenceGaps`.
        of_training_digits: `InferenceGaps` of the training digits at the end.
    """

    model: air_tf.VariationalAutoencoder
    strength: dict
    seed: int
    trajectory: trajectory.Trajectory
    of_training_digits: air_tf.evaluation.InferenceGaps

    @property
    def stopped(self):
        """{"end" or "early": `InferenceGaps`}."""
        along = self.trajectory.along
        return {"end": along[max(along)], "early": self.trajectory.early}

    @property
    def generalization(self):
        """The `Generalization` of the model that nothing stopped."""
        return air_tf.evaluation.Generalization(self.of_training_digits, self.stopped["end"])


def load_digits():
    """The digits, with few of them to train on."""
    digits = air_tf.datasets.load("digits")
    return dataclasses.replace(digits, train=digits.train[:NUM_TRAINING_DIGITS])


def course(num_steps):
    """The `trajectory.Course` of a training; `num_steps` must be a multiple of 40."""
    return trajectory.Course(num_steps, EPOCHS, EVALUATED_EPOCHS)


def build(name, strength, seed, data):
    """A compiled model, not yet trained.

    Args:
        name: of `air_tf.create_model`.
        strength: options of `air_tf.create_model` that regularize the encoder.
        seed: int.
        data: `Dataset`.
    """
    width = data.train.shape[1]
    model = air_tf.create_model(name, width, latent_dim=LATENT_DIM, seed=seed, **strength)
    model.initialize_output_bias(data.train)
    model.compile(keras.optimizers.Adam(LEARNING_RATE))
    return model


def run(model, strength, seed, num_steps, num_samples, data, bar):
    """Trains a model and evaluates it: along training, at the end, and stopped early.

    Args:
        model, strength, seed, data: of `build`.
        num_steps: optimizer steps, a multiple of 40.
        num_samples: k of the bounds.
        bar: a tqdm bar that counts steps.

    Returns:
        A `Run`.
    """

    def evaluate(x=data.test):
        return air_tf.evaluation.inference_gaps(
            model, x, num_samples, quality="fast", seed=seed, progress=False
        )

    found = trajectory.follow(model, data, seed, course(num_steps), evaluate, bar)
    model.set_weights(found.weights)
    return Run(model, strength, seed, found, evaluate(data.train))
