"""The compiled programs of the evaluators, which a model keeps."""

import functools

import tensorflow as tf

from air_tf import private_keras
from air_tf.program import program


def run(model, programs, function, x, *arguments, **options):
    """Runs `function(model, x, *arguments, **options)` as one program on each replica.

    Args:
        model: a `VariationalAutoencoder`.
        programs: its programs, of `kept_by`; a new one is added.
        function: returns a structure of tensors.
        x: a batch `[B, *S]`, or one for each replica of the model's strategy.
        *arguments: tensors, or one for each replica; a number may change without a new program.
        **options: hashable values; each set of them has a program of its own.

    Returns:
        What the function returns, for each replica.
    """
    strategy = model.distribute_strategy
    local = strategy.experimental_local_results(x)[0]
    key = (function, local.shape, local.dtype, *sorted(options.items()))
    if key not in programs:
        # Not over replicas: on CPU, XLA reaches the variables of the first one only.
        xla = model.compiles_to_xla()
        on_replica = program(functools.partial(function, model, **options), xla)
        programs[key] = program(functools.partial(strategy.run, on_replica))
    numbers = (bool, int, float)
    tensors = [tf.constant(a) if isinstance(a, numbers) else a for a in arguments]
    return programs[key]((x, *tensors))


def kept_by(model):
    """The programs of a model as it is now; it drops programs of an earlier state.

    Evaluators share them, and the next call does not compile again.
    """
    parts = [model.variational_family, model.likelihood, *model.variables]
    for layer in private_keras.all_layers(model):
        parts += [layer, layer.dtype_policy, getattr(layer, "activation", None)]
    known, programs = vars(model).get("_evaluation_programs", ([], {}))  # hidden from Keras
    if len(parts) != len(known) or any(a is not b for a, b in zip(parts, known, strict=True)):
        programs = {}
        vars(model)["_evaluation_programs"] = (parts, programs)
    return programs
