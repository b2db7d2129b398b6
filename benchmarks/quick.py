"""`make bench-quick`: `fit` against the hand-written loop, evaluation against the GEMM bound."""

import itertools
import json
import pathlib
import time

import keras
import numpy as np
import rich.console
import rich.table
import tensorflow as tf

import air_tf
from benchmarks.hand_written_loop import hand_written_loop

_UNITS, _LATENT_DIM, _BATCH_SIZE, _REPEATS = (200, 200), 50, 100, 5
_STEPS = {1: 200, 8: 100, 64: 20}
_OUT = pathlib.Path(__file__).parent / "quick.json"


def seconds(function):
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def interleaved(contenders):
    """Seconds of each contender, `_REPEATS` times in turn after a first call that compiles."""
    for function in contenders.values():
        function()
    rounds = [{n: seconds(f) for n, f in contenders.items()} for _ in range(_REPEATS)]
    return {name: [times[name] for times in rounds] for name in contenders}


def fit_of(model, x):
    """A call of `fit` on x for one epoch."""
    model.compile(keras.optimizers.Adam(1e-3))
    return lambda: model.fit(x, batch_size=_BATCH_SIZE, verbose=0)


def training_rows():
    """Milliseconds a step and ratios to the hand-written loop, for each k."""
    for k, steps in _STEPS.items():
        shape = (steps * _BATCH_SIZE, 784)
        x = (np.random.default_rng(0).random(shape) < 0.3).astype("uint8")

        def model(k=k, **options):
            return air_tf.create_model(
                "iwae", 784, _LATENT_DIM, _UNITS, _UNITS, num_importance_samples=k, **options
            )

        contenders = {
            "hand-written loop": hand_written_loop(x, _UNITS, _LATENT_DIM, k, _BATCH_SIZE),
            "fit": fit_of(model(), x),
            "fit, resampled": fit_of(model(gradient_estimator="resampled"), x),
        }
        times = interleaved(contenders)
        base = np.median(times["hand-written loop"])
        for name, values in times.items():
            milliseconds = 1e3 * np.array(values) / steps
            yield {
                "task": f"step, k = {k}",
                "contender": name,
                "median": float(np.median(milliseconds)),
                "lowest": float(milliseconds.min()),
                "highest": float(milliseconds.max()),
                "unit": "ms",
                "ratio": float(np.median(values) / base),
            }


def evaluation_rows(num_samples=5000, num_images=100):
    """Images a second of IWAE-5000, and of its decoder's matrix products alone."""
    model = air_tf.create_model("vae", 784, _LATENT_DIM, _UNITS, _UNITS, seed=0)
    x = (np.random.default_rng(0).random((num_images, 784)) < 0.3).astype("uint8")
    widths = [_LATENT_DIM, *_UNITS, 784]
    kernels = [tf.random.normal(pair) for pair in itertools.pairwise(widths)]
    rows = tf.random.normal([50 * num_images, _LATENT_DIM])

    @tf.function(jit_compile=True)
    def products():
        def body(i, total):
            h = rows + total * 0.0  # depends on the loop, so that XLA does not hoist it
            for kernel in kernels:
                h = h @ kernel
            return i + 1, total + h[0, 0] * 0.0

        return tf.while_loop(lambda i, _: i < num_samples // 50, body, [0, 0.0])

    def evaluate():
        air_tf.evaluation.importance_log_likelihood(model, x, num_samples, progress=False)

    def twice():
        doubled = np.concatenate([x, x])
        air_tf.evaluation.importance_log_likelihood(model, doubled, num_samples, progress=False)

    times = interleaved({"products": products, "evaluate": evaluate, "twice": twice})
    bound = np.median(times["products"])
    # What the second hundred images add: without the compilation that each call begins with.
    added = np.array(times["twice"]) - np.array(times["evaluate"])
    for name, values in (("GEMM bound", np.array(times["products"])), ("IWAE-5000", added)):
        rates = num_images / values
        yield {
            "task": f"log p(x), k = {num_samples}",
            "contender": name,
            "median": float(np.median(rates)),
            "lowest": float(rates.min()),
            "highest": float(rates.max()),
            "unit": "images/s",
            "ratio": float(bound / np.median(values)),
        }


def main():
    """Runs all, prints a table and saves it beside this file."""
    rows = [*training_rows(), *evaluation_rows()]
    table = rich.table.Table(title="784-200-200-50, batch 100, float32; medians of 5")
    for column in ("task", "contender", "median", "lowest", "highest", "unit", "ratio"):
        table.add_column(column)
    for row in rows:
        cells = (f"{v:.2f}" if isinstance(v, float) else v for v in row.values())
        table.add_row(*cells)
    rich.console.Console(width=110).print(table)
    _OUT.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
