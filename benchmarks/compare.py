"""Times `fit` and the evaluation against the machine and, on request, against the peers.

Every contender has its own process and waits while another works. They take turns, so a slow moment
of the machine slows all. A ratio is the median over rounds of the ratio within a round.
"""

import contextlib
import functools
import json
import operator
import os
import pathlib
import platform

import rich.progress
import tyro

from benchmarks import table, workload
from benchmarks.contender import alone, contender, rounds

_HERE = pathlib.Path(__file__).parent
_TRAINERS = {  # name: (module, task)
    "fit": ("air_tf_fit", "train"),
    "fit, resampled": ("air_tf_fit", "train resampled"),
    "fit, tf.data from disk": ("air_tf_fit", "train from disk"),
    "hand-written XLA loop": ("hand_written_loop", "train"),
    "its matrix products alone": ("matrix_products", "train"),
    "JAX lax.scan": ("jax_scan", "train"),
    "Pythae trainer": ("pythae_trainer", "train"),
}
_EVALUATORS = {
    "importance_log_likelihood": ("air_tf_fit", "evaluate"),
    "matrix products alone": ("matrix_products", "evaluate"),
    "Pythae get_nll": ("pythae_trainer", "evaluate"),
    "Pythae get_nll, at its best": ("pythae_trainer", "evaluate at its best"),
}
_VALIDATED = {
    "its XLA programs alone": ("air_tf_fit", "its programs"),
    "fit": ("air_tf_fit", "train and validate"),
    "hand-written XLA loop": ("hand_written_loop", "train and validate"),
    "Pythae trainer": ("pythae_trainer", "train and validate"),
}
_QUICK = (
    "fit",
    "hand-written XLA loop",
    "its matrix products alone",
    "importance_log_likelihood",
    "matrix products alone",
    "its XLA programs alone",
)


def sections():
    """Parts of the table: title, contenders, what they work on, amounts of seconds, and unit."""
    for k, steps in workload.STEPS.items():
        per_step = functools.partial(operator.mul, 1e3 / (steps * workload.EPOCHS))
        yield f"step, k = {k}", _TRAINERS, k, per_step, "ms"
    yield "log p(x), k = 5000", _EVALUATORS, 5000, lambda s: workload.NUM_IMAGES / s, "img/s"
    for name, (*_, epochs) in workload.DATA_SETS.items():
        per_epoch = functools.partial(operator.mul, 1e3 / epochs)
        yield f"epoch, {name}", _VALIDATED, name, per_epoch, "ms"


def main(peers: bool = False, repeats: int = 5, out: pathlib.Path = _HERE / "results"):
    """Runs all contenders, prints a table of ratios and saves it.

    Args:
        peers: whether to include JAX and Pythae, in the environments that `make bench` makes, and
            all our variants.
        repeats: number of rounds.
        out: folder for compare.json and .txt (with peers) or quick.json and .txt.
    """
    results, start_up, memory = [], {}, {}
    with contextlib.ExitStack() as at_end, rich.progress.Progress() as progress:

        @functools.cache
        def process(module):
            process = contender(module)
            at_end.callback(process.stop)
            return contender

        for title, group, of, amounts, unit in sections():
            chosen = {name: group[name] for name in group if peers or name in _QUICK}
            contenders = {name: (process(module), task) for name, (module, task) in chosen.items()}
            seconds = rounds(title, contenders, of, repeats, progress)
            results += table.rows(title, seconds, amounts, unit)
    if peers:
        for name in ("fit", "hand-written XLA loop", "JAX lax.scan", "Pythae trainer"):
            start_up[name] = alone(*_TRAINERS[name], 8)
        for k in (5000, 50_000):
            memory[k] = alone(*_EVALUATORS["importance_log_likelihood"], k)["peak_mib"]
    report = {
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
        "rows": results,
        "alone": start_up,
        "evaluation_mib": memory,
    }
    path = out / ("compare.json" if peers else "quick.json")
    out.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    table.show(report, path.with_suffix(".txt"))


if __name__ == "__main__":
    tyro.cli(main)
