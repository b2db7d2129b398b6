"""Applies an evaluator to the batches of a data set."""

import functools

import numpy as np
import tensorflow as tf
import tqdm

from air_tf import checks, prng
from air_tf.evaluation import finished_batches, programs


def map_batches(
    function,
    model,
    x,
    *,
    along=(),
    seed,
    batch_size,
    description,
    progress,
    backup_dir,
    **options,
):
    """Applies a function to the batches of x and joins the results in order.

    The replicas of the model's strategy divide up the batches. The seed of a batch comes from its
    index: the same seed, batch size and x give the same result with any number of replicas.

    Args:
        function: `(run, x [B, *S], *along [B, ...], seed [2], **options) → tuple of tensors
            [B, ...]`. x, seed and all tensors may be one for each replica, so that it computes by
            `run(function, x, ...)` alone: see `programs.run`.
        model: the `VariationalAutoencoder`; x must have its width.
        x: array `[N, *S]`.
        along: more arrays `[N, ...]`, one value for each example.
        seed: int.
        batch_size: int ≥ 1.
        description: text of the progress bar.
        progress: whether to show the bar.
        backup_dir: folder for the results of finished batches, which the same call reads again;
            none if None. It never reads results of another model, x, seed or function.
        **options: arguments of the function.

    Returns:
        Tuple of arrays `[N, ...]`.
    """
    x = model.observations(x)
    batch_size = min(checks.positive_int("batch_size", batch_size), len(x))
    strategy = model.distribute_strategy
    run = functools.partial(programs.run, model, programs.kept_by(model))

    def batch(index):
        # Repeated examples fill up the last batch, so that one program fits all batches.
        rows = np.arange(index * batch_size, (index + 1) * batch_size) % len(x)
        arrays = [tf.convert_to_tensor(array[rows]) for array in (x, *along)]
        return *arrays, prng.fold_in(seed, index)

    at_once = strategy.num_replicas_in_sync

    def outputs(first):
        batches = strategy.experimental_distribute_values_from_function(
            lambda context: batch(first + context.replica_id_in_sync_group)
        )
        results = function(run, *batches, **options)
        return [strategy.gather(output, axis=0).numpy() for output in results]

    backup = None
    if backup_dir is not None:
        identity = (function.__module__, function.__name__, seed, batch_size, at_once, options)
        identity = (identity, model.get_config())
        backup = finished_batches.folder(backup_dir, (x, *along, *model.get_weights()), identity)
    starts = range(0, -(-len(x) // batch_size), at_once)
    results = []
    with tqdm.tqdm(total=len(x), desc=description, unit="img", disable=not progress) as bar:
        for result in finished_batches.outputs(starts, outputs, backup, strategy):
            results.append(result)
            bar.update(min(at_once * batch_size, len(x) - bar.n))
    return tuple(np.concatenate(parts)[: len(x)] for parts in zip(*results, strict=True))
