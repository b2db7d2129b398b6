"""A training that nothing stops, with evaluations along the way and of its best weights."""

import dataclasses

import keras

from air_tf import callbacks, checks


@dataclasses.dataclass(frozen=True)
class Course:
    """How a training runs.

    Attributes:
        num_steps: optimizer steps, a multiple of `num_epochs`.
        num_epochs: parts of equal length; each ends with a validation.
        evaluated_epochs: the epochs, from 1 on, after which the model is evaluated; the last one
            must be `num_epochs`.
        batch_size: examples in an optimizer step.

    Raises:
        ValueError: if `num_steps` is no multiple of `num_epochs`, or the end is not evaluated.
    """

    num_steps: int
    num_epochs: int
    evaluated_epochs: tuple
    batch_size: int = 100

    def __post_init__(self):
        if checks.positive_int("num_steps", self.num_steps) % self.num_epochs:
            raise ValueError(
                f"`num_steps` must be a multiple of {self.num_epochs}. "
                f"Received: num_steps={self.num_steps}"
            )
        if self.evaluated_epochs[-1] != self.num_epochs:
            raise ValueError(
                f"`evaluated_epochs` must end with epoch {self.num_epochs}. "
                f"Received: evaluated_epochs={self.evaluated_epochs}"
            )

    @property
    def steps_per_epoch(self):
        """Optimizer steps of each epoch."""
        return self.num_steps // self.num_epochs


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """The evaluations of a training.

    Attributes:
        along: {optimizer steps: evaluation}; the last one is at the end.
        early_steps: optimizer steps up to the best validation IWAE-64 bound.
        early: the evaluation with the weights of that time.
        weights: the weights after the last step, for `model.set_weights`.
    """

    along: dict
    early_steps: int
    early: object
    weights: list


def fit(model, data, seed, course, **options):
    """Trains a model to the end; returns the `History`.

    Args:
        model: a compiled `VariationalAutoencoder`.
        data: `Dataset`.
        seed: int, for the order of the examples.
        course: `Course`.
        **options: more arguments of `model.fit`.
    """
    keras.utils.set_random_seed(seed)
    return model.fit(
        data.training_batches(course.batch_size, seed).repeat(),
        steps_per_epoch=course.steps_per_epoch,
        epochs=course.num_epochs,
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


def follow(model, data, seed, course, evaluate, bar):
    """Trains a model to the end and evaluates it: along training, at the end, and stopped early.

    Args:
        model, data, seed, course: as for `fit`.
        evaluate: function without arguments; what it returns is kept.
        bar: a tqdm bar that counts steps.

    Returns:
        A `Trajectory`; the model ends with the weights of the best validation IWAE-64 bound.
    """
    along, end = {}, []

    def after_epoch(epoch, logs):
        bar.update(course.steps_per_epoch)
        if epoch + 1 in course.evaluated_epochs:
            along[(epoch + 1) * course.steps_per_epoch] = evaluate()
        if epoch + 1 == course.num_epochs:
            end.extend(model.get_weights())

    # It never stops: it brings back the best weights when training has ended.
    early = callbacks.EarlyStopping(patience=course.num_epochs)
    fit(
        model,
        data,
        seed,
        course,
        validation_data=(data.validation,),
        validation_batch_size=min(500, len(data.validation)),
        callbacks=[early, keras.callbacks.LambdaCallback(on_epoch_end=after_epoch)],
    )
    early_steps = (early.best_epoch + 1) * course.steps_per_epoch
    return Trajectory(along, early_steps, evaluate(), end)
