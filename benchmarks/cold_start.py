"""Times a small experiment from a new process to its end, imports and compilation included.

The contenders take turns. A ratio is the median over rounds of the ratio within a round.
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
import rich.table
import tqdm
import tyro

from benchmarks import experiment

_HERE = pathlib.Path(__file__).parent
_PYTHAE = _HERE / "peers/pythae/venv/bin/python"
_CONTENDERS = {  # name: (Python, module)
    "air_tf": (sys.executable, "air_tf_experiment"),
    "hand-written XLA programs": (sys.executable, "hand_written_experiment"),
    "Pythae": (_PYTHAE, "pythae_experiment"),
}


def run(python, module, k):
    """Seconds from the start of a process to each of `experiment.STAGES`."""
    start = time.monotonic()
    output = subprocess.run(
        [python, "-m", f"benchmarks.contenders.{module}", str(k)],
        cwd=_HERE.parent,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ).stdout
    lines = [line.rpartition(": ") for line in output.splitlines()]
    reached = {stage: float(at) - start for stage, _, at in lines if stage in experiment.STAGES}
    return [reached[stage] for stage in experiment.STAGES]


def rows(k, seconds):
    """Rows of the table, from the seconds `[repeats, stages]` of each contender."""
    reference = seconds["air_tf"]
    for name, values in seconds.items():
        for index, stage in enumerate(experiment.STAGES):
            column = values[:, index]
            yield {
                "k": k,
                "contender": name,
                "stage": stage,
                "median": float(np.median(column)),
                "lowest": float(column.min()),
                "highest": float(column.max()),
                "ratio": float(np.median(column / reference[:, index])),
            }


def main(peers: bool = False, repeats: int = 3, out: pathlib.Path = _HERE / "results"):
    """Runs the contenders, prints a table and saves cold_start.json and .txt.

    Args:
        peers: whether to include Pythae, in the environment that `make bench` makes.
        repeats: number of rounds.
        out: folder.
    """
    names = [name for name in _CONTENDERS if peers or name != "Pythae"]
    results = []
    for k in (1, 8):
        seconds = {name: [] for name in names}
        for name in tqdm.tqdm(names * repeats, desc=f"k = {k}"):
            seconds[name].append(run(*_CONTENDERS[name], k))
        results += rows(k, {name: np.array(values) for name, values in seconds.items()})
    report = {
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
        "rows": results,
    }
    out.mkdir(exist_ok=True)
    text = json.dumps(report, indent=2) + "\n"
    (out / "cold_start.json").write_text(text, encoding="utf-8")
    console = rich.console.Console(width=130, record=True)
    console.print(_table(results))
    console.save_text(out / "cold_start.txt")


def _table(results):
    table = rich.table.Table(
        title=(
            "Seconds from a new process: median (lowest–highest); ×: time over the time of air_tf\n"
            f"{experiment.EPOCHS} epochs of {experiment.NUM_TRAIN} images of "
            f"{experiment.INPUT_DIM} pixels, with validation; IWAE-{experiment.NUM_SAMPLES} of "
            f"{experiment.NUM_EVALUATED}"
        )
    )
    for column in ("k", "contender", *experiment.STAGES):
        table.add_column(column)
    stages = len(experiment.STAGES)
    for start in range(0, len(results), stages):
        cells = results[start : start + stages]
        shown = (
            f"{c['median']:.1f} ({c['lowest']:.1f}–{c['highest']:.1f}) ×{c['ratio']:.2f}"
            for c in cells
        )
        table.add_row(str(cells[0]["k"]), cells[0]["contender"], *shown)
    return table


if __name__ == "__main__":
    tyro.cli(main)
