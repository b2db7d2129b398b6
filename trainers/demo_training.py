"""The demo's trainings: few digits, many steps, no early stop, with evaluations along the way."""

import dataclasses

import keras

import air_tf
from air_tf import checks
from air_tf.evaluation import InferenceGaps

NUM_TRAINING_DIGITS, BATCH_SIZE, LATENT_DIM, LEARNING_RATE = 300, 100, 50, 1e-3
# A training has this many epochs of equal length; each ends with a validation.
EPOCHS = 40
EVALUATED_EPOCHS = (5, 10, 20, EPOCHS)


@dataclasses.dataclass(frozen=True)
class Run:
    """A training and its evaluations on test digits.

    Attributes:
        model: the `VariationalAutoencoder`, which the runs of other seeds share.
        weights: its weights after the last step, for `model.set_weights`.
        strength: options that regularize its encoder, such as {"noise_stddev": 0.4}; {} for none.
        seed: int.
        along: {optimizer steps: `InferenceGaps`}.
        early_steps: optimizer steps up to the best validation IWAE-64 bound.
        early: `InferenceGaps` with the weights of that time.
    """

    model: air_tf.VariationalAutoencoder
    weights: list
    strength: dict
    seed: int
    along: dict
    early_steps: int
    early: InferenceGaps

    @property
    def stopped(self):
        """{"end" or "early": `InferenceGaps`}."""
        return {"end": self.along[max(self.along)], "early": self.early}


def load_digits():
    """The digits, with few of them to train on."""
    digits = air_tf.datasets.load("digits")
    return dataclasses.replace(digits, train=digits.train[:NUM_TRAINING_DIGITS])


def steps_per_epoch(num_steps):
    """Steps of each of the 40 epochs.

    Raises:
        ValueError: if `num_steps` is no multiple of 40.
    """
    if checks.positive_int("num_steps", num_steps) % EPOCHS:
        raise ValueError(
            f"`num_steps` must be a multiple of {EPOCHS}. Received: num_steps={num_steps}"
        )
    return num_steps // EPOCHS


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


def fit(model, seed, num_steps, data, **options):
    """Trains a model to the end; returns the `History`.

    Args:
        model: as `build` returns it.
        seed: int, for the order of the digits.
        num_steps: optimizer steps, a multiple of 40.
        data: `Dataset`.
        **options: more arguments of `model.fit`.
    """
    keras.utils.set_random_seed(seed)
    return model.fit(
        data.training_batches(BATCH_SIZE, seed).repeat(),
        steps_per_epoch=steps_per_epoch(num_steps),
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        **options,
    )


def restart(model, fresh):
    """Gives a model the state of a fresh one; compiled programs stay, which saves their time."""
    for either in (model, fresh):
        either.optimizer.build(either.trainable_variables)
    states = ([*m.variables, *m.optimizer.variables] for m in (model, fresh))
    for variable, value in zip(*states, strict=True):
        variable.assign(value)


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
    along, end = {}, []

    def evaluate():
        return air_tf.evaluation.inference_gaps(
            model, data.test, num_samples, quality="fast", seed=seed, progress=False
        )

    def after_epoch(epoch, logs):
        bar.update(num_steps // EPOCHS)
        if epoch + 1 in EVALUATED_EPOCHS:
            along[(epoch + 1) * num_steps // EPOCHS] = evaluate()
        if epoch + 1 == EPOCHS:
            end.extend(model.get_weights())

    # It never stops: it brings back the best weights when training has ended.
    early = air_tf.callbacks.EarlyStopping(patience=EPOCHS)
    fit(
        model,
        seed,
        num_steps,
        data,
        validation_data=(data.validation,),
        validation_batch_size=len(data.validation),
        callbacks=[early, keras.callbacks.LambdaCallback(on_epoch_end=after_epoch)],
    )
    early_steps = (early.best_epoch + 1) * num_steps // EPOCHS
    return Run(model, end, strength, seed, along, early_steps, evaluate())
