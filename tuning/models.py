"""The model of a trial: a named one, or that of a user's function."""

import inspect

import keras

import air_tf
from tuning import refusals, space


def make(model, options, values, learning_rate, seed):
    """Returns a compiled model whose variables, those of the optimizer too, are there.

    Args:
        model: a name, or a function that builds a model.
        options: its fixed arguments.
        values: {hyperparameter: value}.
        learning_rate: of Adam, if it is not a hyperparameter and the model is not compiled.
        seed: int.

    Raises:
        ValueError: if the function returns anything else than a model of this library, or a
            compiled one whose learning rate is searched.
    """
    values = {**options, **space.with_units(values, options)}
    takes = inspect.signature(air_tf.create_model if isinstance(model, str) else model).parameters
    searched = "learning_rate" in values and "learning_rate" not in takes
    rate = values.pop("learning_rate") if searched else learning_rate
    if isinstance(model, str):
        made = air_tf.create_model(model, **values, seed=seed)
    else:
        keras.utils.set_random_seed(seed)
        made = model(**values, **({"seed": seed} if "seed" in takes else {}))
        refusals.built(made)
    if not made.compiled:
        made.compile(keras.optimizers.Adam(rate))
    elif searched:
        raise ValueError(
            "Where `learning_rate` is searched, `build` must take it, or return a model that is "
            f"not compiled. Received: a compiled model, learning_rate={rate}"
        )
    if not made.optimizer.built:  # KerasTuner loads all variables of a model
        made.optimizer.build(made.trainable_variables)
    return made
