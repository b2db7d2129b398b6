"""The random numbers of networks, such as the noise of an encoder, from a seed."""

import contextlib

from air_tf import prng


@contextlib.contextmanager
def seeded_noise(model, seed):
    """Lets the networks of a model draw from a seed `[2]`; afterwards they are as before.

    Also what layers keep of training, such as moving averages, is as before. Inside a program.
    """
    variables = [*model.encoder.variables, *model.decoder.variables]
    weights = {id(weight) for weight in (*model.encoder.weights, *model.decoder.weights)}
    state = [variable for variable in variables if not variable.trainable]
    before = [variable.value * 1 for variable in state]  # a copy
    for index, variable in enumerate(variables):
        if id(variable) not in weights:  # a random state: see `objectives.training_bound`
            variable.assign(prng.fold_in(seed, index))
    yield
    for variable, value in zip(state, before, strict=True):
        variable.assign(value)
