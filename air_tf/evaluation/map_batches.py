"""Running one compiled program over the batches of a data set."""

import functools

import numpy as np
import tensorflow as tf
import tqdm

from air_tf import checks, private_keras, prng
from air_tf.evaluation import finished_batches
from air_tf.program import program


def map_batches(
    function, model, x, *, seed, batch_size, description, progress, backup_dir, **options
):
    """Applies a per-batch function to all of x and joins what it returns, in order.

    The batches are shared out among the replicas of the strategy that the model was made under.
    The seed of a batch is folded from its index: a result repeats for the same seed, batch size
    and x, whatever the number of replicas.

    Args:
        function: `(model, x [B, D], seed [2], **options) → tuple of tensors [B, ...]`.
        model: the `VariationalAutoencoder` that x must fit.
        x: array `[N, D]`.
        seed: int.
        batch_size: int ≥ 1.
        description: what the progress bar says.
        progress: whether to show it.
        backup_dir: folder for the results of finished batches, which the same call takes up again;
            none if None. Nothing of another model, x, seed or function is taken.
        **options: hashable arguments of the function.

    Returns:
        Tuple of arrays `[N, ...]`.
    """
    x = checks.pixels(x, model.input_dim, model.likelihood.binary)
    batch_size = min(checks.positive_int("batch_size", batch_size), len(x))
    strategy = model.distribute_strategy
    compiled = _compiled(function, model, batch_size, x.dtype, options)

    def batch(index):
        # The last batch is filled up by repetition, so that one program serves all.
        rows = np.arange(index * batch_size, (index + 1) * batch_size) % len(x)
        return tf.convert_to_tensor(x[rows]), prng.fold_in(seed, index)

    at_once = strategy.num_replicas_in_sync

    def outputs(first):
        batches = strategy.experimental_distribute_values_from_function(
            lambda context: batch(first + context.replica_id_in_sync_group)
        )
        return [strategy.gather(output, axis=0).numpy() for output in compiled(batches)]

    backup = None
    if backup_dir is not None:
        identity = (function.__module__, function.__name__, seed, batch_size, at_once, options)
        identity = (identity, model.get_config())
        backup = finished_batches.folder(backup_dir, (x, *model.get_weights()), identity)
    starts = range(0, -(-len(x) // batch_size), at_once)
    results = []
    with tqdm.tqdm(total=len(x), desc=description, unit="img", disable=not progress) as bar:
        for result in finished_batches.outputs(starts, outputs, backup, strategy):
            results.append(result)
            bar.update(min(at_once * batch_size, len(x) - bar.n))
    return tuple(np.concatenate(parts)[: len(x)] for parts in zip(*results, strict=True))


def _compiled(function, model, batch_size, dtype, options):
    """The compiled function. The model keeps it: another call with it does not compile again."""
    programs = _programs(model)
    key = (function, batch_size, dtype, *sorted(options.items()))
    if key not in programs:
        strategy = model.distribute_strategy
        # XLA on CPU cannot reach the variables of other replicas than the first.
        one_replica = strategy.num_replicas_in_sync == 1
        on_replica = program(functools.partial(function, model, **options), one_replica)
        programs[key] = program(functools.partial(strategy.run, on_replica))
    return programs[key]


def _programs(model):
    """The programs of a model as it is now; those of what it was before are let go."""
    parts = [model.variational_family, model.likelihood, *model.variables]
    for layer in private_keras.all_layers(model):
        parts += [layer, layer.dtype_policy, getattr(layer, "activation", None)]
    known, programs = vars(model).get("_evaluation_programs", ([], {}))  # out of sight of Keras
    if len(parts) != len(known) or any(a is not b for a, b in zip(parts, known, strict=True)):
        programs = {}
        vars(model)["_evaluation_programs"] = (parts, programs)
    return programs
