"""Processes that work on request: one works, the others wait."""

import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np

_HERE = pathlib.Path(__file__).parent
_PEERS = {"jax_scan": "jax", "pythae_trainer": "pythae"}  # module: folder of its environment


class Contender:
    """A process that answers requests, a line of JSON each."""

    def __init__(self, command, folder, **environment):
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, **request):
        """The answer of the process."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def stop(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()


def contender(module):
    """A process that does the work of `benchmarks.workload`: see `workload.serve`."""
    peer = _PEERS.get(module)
    python = _HERE / "peers" / peer / "venv/bin/python" if peer else sys.executable
    return Contender([python, "-m", f"benchmarks.contenders.{module}"], _HERE.parent)


def rounds(title, contenders, of, repeats, progress):
    """Seconds `[repeats]` of each contender `{name: (Contender, task)}`, which take turns."""
    seconds = {name: [] for name in contenders}
    tasks = progress.add_task(title, total=repeats * len(contenders))
    for _ in range(repeats):
        for name, (process, task) in contenders.items():
            seconds[name].append(process.ask(task=task, of=of)["seconds"])
            progress.advance(tasks)
    return {name: np.array(values) for name, values in seconds.items()}


def alone(module, task, k):
    """Start-up seconds and peak memory of a process that does nothing else."""
    start = time.perf_counter()
    process = contender(module)
    answer = process.ask(task=task, of=k)
    elapsed = time.perf_counter() - start
    process.stop()
    # The work ran twice: once after the compilation, once timed.
    return {"start_seconds": elapsed - 2 * answer["seconds"], "peak_mib": answer["peak_mib"]}
