"""Times `fit` and the evaluation against the machine and, on request, against the peers.

Every contender has its own process and waits while another works. They take turns, so a slow moment
of the machine slows all. A ratio is the median over rounds of the ratio within a round.
"""

import json
import os
import pathlib
import platform
import subprocess
import sys
import time

import numpy as np
import rich.console
import rich.progress
import rich.table
import tyro

from benchmarks import workload

_HERE = pathlib.Path(__file__).parent
_TRAINERS = {  # name: (module, task)
    "fit": ("air_tf_fit", "train"),
    "fit, resampled": ("air_tf_fit", "train resampled"),
    "fit, tf.data from disk": ("air_tf_fit", "train from disk"),
    "hand-written XLA loop": ("hand_written_loop", "train"),
    "its matrix products alone": ("hand_written_loop", "train products"),
    "JAX lax.scan": ("jax_scan", "train"),
    "Pythae trainer": ("pythae_trainer", "train"),
}
_EVALUATORS = {
    "importance_log_likelihood": ("air_tf_fit", "evaluate"),
    "matrix products alone": ("hand_written_loop", "products"),
    "Pythae get_nll": ("pythae_trainer", "evaluate"),
    "Pythae get_nll, at its best": ("pythae_trainer", "evaluate at its best"),
}
_QUICK = (
    "fit",
    "hand-written XLA loop",
    "its matrix products alone",
    "importance_log_likelihood",
    "matrix products alone",
)
_PEERS = {"jax_scan": "jax", "pythae_trainer": "pythae"}  # module: folder of its environment


class Contender:
    """A process that does the work of `benchmarks.workload` on request."""

    def __init__(self, module):
        peer = _PEERS.get(module)
        python = _HERE / "peers" / peer / "venv/bin/python" if peer else sys.executable
        self._process = subprocess.Popen(
            [python, "-m", f"benchmarks.contenders.{module}"],
            cwd=_HERE.parent,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, task, k):
        """The answer of the process: see `workload.serve`."""
        self._process.stdin.write(json.dumps({"task": task, "k": k}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def stop(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()


def rounds(contenders, k, repeats, progress):
    """Seconds `[repeats]` of each contender."""
    seconds = {name: [] for name in contenders}
    tasks = progress.add_task(f"k = {k}", total=repeats * len(contenders))
    for _ in range(repeats):
        for name, (contender, task) in contenders.items():
            seconds[name].append(contender.ask(task, k)["seconds"])
            progress.advance(tasks)
    return {name: np.array(values) for name, values in seconds.items()}


def rows(title, seconds, amounts, unit):
    """Rows of the table: `amounts` turns seconds into the unit; ratios are to the first name."""
    base = next(iter(seconds.values()))
    for name, values in seconds.items():
        amount, ratio = amounts(values), values / base
        yield {
            "task": title,
            "contender": name,
            "median": float(np.median(amount)),
            "lowest": float(amount.min()),
            "highest": float(amount.max()),
            "unit": unit,
            "ratio": float(np.median(ratio)),
            "ratio_lowest": float(ratio.min()),
            "ratio_highest": float(ratio.max()),
        }


def alone(module, task, k):
    """Start-up seconds and peak memory of a process that does nothing else."""
    start = time.perf_counter()
    contender = Contender(module)
    answer = contender.ask(task, k)
    elapsed = time.perf_counter() - start
    contender.stop()
    # The work ran twice: once after the compilation, once timed.
    return {"start_seconds": elapsed - 2 * answer["seconds"], "peak_mib": answer["peak_mib"]}


def main(peers: bool = False, repeats: int = 5, out: pathlib.Path = _HERE / "results"):
    """Runs all contenders, prints a table of ratios and saves it.

    Args:
        peers: whether to include JAX and Pythae, in the environments that `make bench` makes, and
            all our variants.
        repeats: number of rounds.
        out: folder for compare.json and .txt (with peers) or quick.json and .txt.
    """
    chosen = {
        name: (module, task)
        for name, (module, task) in {**_TRAINERS, **_EVALUATORS}.items()
        if peers or name in _QUICK
    }
    processes = {module: Contender(module) for module in {m for m, _ in chosen.values()}}
    contenders = {name: (processes[module], task) for name, (module, task) in chosen.items()}
    training = {name: c for name, c in contenders.items() if name in _TRAINERS}
    evaluation = {name: c for name, c in contenders.items() if name in _EVALUATORS}
    results, start_up, memory = [], {}, {}
    with rich.progress.Progress() as progress:
        for k, steps in workload.STEPS.items():
            seconds = rounds(training, k, repeats, progress)
            per_step = 1e3 / (steps * workload.EPOCHS)
            results += rows(f"step, k = {k}", seconds, lambda s, per=per_step: s * per, "ms")
        k = 5000
        seconds = rounds(evaluation, k, repeats, progress)
        results += rows(f"log p(x), k = {k}", seconds, lambda s: workload.NUM_IMAGES / s, "img/s")
        for process in processes.values():
            process.stop()
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
    show(report, path.with_suffix(".txt"))


def show(report, path):
    """Prints a report and saves it."""
    console = rich.console.Console(width=110, record=True)
    console.print(_table(report["rows"]))
    for name, values in report["alone"].items():
        console.print(
            f"{name}: {values['start_seconds']:.1f} s to the first step (k = 8), "
            f"peak {values['peak_mib']:.0f} MiB"
        )
    for k, peak in report["evaluation_mib"].items():
        console.print(f"evaluation, k = {k}: peak {peak:.0f} MiB")
    console.save_text(path)


def _table(results):
    table = rich.table.Table(
        title="784-200-200-50, batch 100, float32; ratio: time over the time of the first"
    )
    for column in ("task", "contender", "median", "lowest–highest", "unit", "ratio", "its range"):
        table.add_column(column)
    for row in results:
        table.add_row(
            row["task"],
            row["contender"],
            f"{row['median']:.2f}",
            f"{row['lowest']:.2f}–{row['highest']:.2f}",
            row["unit"],
            f"{row['ratio']:.2f}",
            f"{row['ratio_lowest']:.2f}–{row['ratio_highest']:.2f}",
        )
    return table


if __name__ == "__main__":
    tyro.cli(main)
