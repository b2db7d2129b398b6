"""Running one compiled program over the batches of a data set."""

import numpy as np
import tensorflow as tf
import tqdm

from air_tf import checks, random


def map_batches(function, model, x, *, seed, batch_size, description, progress):
    """Applies a per-batch function to all of x and joins what it returns, in order.

    The last batch is filled up by repetition and cut again, so that XLA compiles one program only.
    The seed of a batch is folded from its index: a result repeats for the same seed, batch size
    and x.

    Args:
        function: `(x [B, D], seed [2]) → tuple of tensors [B, ...]`.
        model: the `VariationalAutoencoder` that x must fit.
        x: array `[N, D]`.
        seed: int.
        batch_size: int ≥ 1.
        description: what the progress bar says.
        progress: whether to show it.

    Returns:
        Tuple of arrays `[N, ...]`.
    """
    x = checks.pixels(x, model.input_dim, model.likelihood.binary)
    batch_size = min(checks.positive_int("batch_size", batch_size), len(x))
    x_spec = tf.TensorSpec([batch_size, x.shape[1]], x.dtype)
    signature = [x_spec, tf.TensorSpec([2], tf.int32)]
    compiled = tf.function(function, signature, jit_compile=True).get_concrete_function()
    results = []
    with tqdm.tqdm(total=len(x), desc=description, unit="img", disable=not progress) as bar:
        for index, start in enumerate(range(0, len(x), batch_size)):
            rows = np.arange(start, start + batch_size) % len(x)
            size = min(batch_size, len(x) - start)
            outputs = compiled(tf.convert_to_tensor(x[rows]), random.fold_in(seed, index))
            results.append([output.numpy()[:size] for output in outputs])
            bar.update(size)
    return tuple(np.concatenate(parts) for parts in zip(*results, strict=True))
