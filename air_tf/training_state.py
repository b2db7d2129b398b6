"""All that a training has changed, as arrays."""

import keras


def arrays(model):
    """Arrays of all variables of a compiled model and of its optimizer, in an order of its own."""
    return list(map(writable, map(keras.ops.convert_to_numpy, _variables(model))))


def assign(model, values):
    """Gives a compiled model and its optimizer what `arrays` has returned.

    Returns:
        Whether the arrays are of such a model; if not, nothing has changed.
    """
    if not model.optimizer.built:  # or some optimizers would make their variables again
        model.optimizer.build(model.trainable_variables)
    variables = _variables(model)
    if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
        return False
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return True


def writable(array):
    """NumPy's files do not know bfloat16; float32 holds all of its values."""
    return array.astype("float32") if array.dtype.kind == "V" else array


def _variables(model):
    return [*model.variables, *model.optimizer.variables]
