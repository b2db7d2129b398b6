"""The cost of replicas: a step by one process, by two devices in a process, by two workers."""

import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time

import rich.console
import rich.table
import tqdm
import tyro

from trainers.host_commands import tf_config

_RESULTS = pathlib.Path(__file__).parent / "results"
_KINDS = ("one process", "one process without XLA", "two devices", "two workers")


def measure(kind, k):
    """Prints the seconds of a step for this kind of process, which does nothing else."""
    import tensorflow as tf

    strategy = None
    if kind == "two workers":
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if kind == "two devices":
        cpu = tf.config.list_physical_devices("CPU")[0]
        devices = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, devices)
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

    import keras

    import air_tf
    from benchmarks import workload

    units = workload.UNITS
    with contextlib.nullcontext() if strategy is None else strategy.scope():
        model = air_tf.create_model(
            "iwae",
            workload.INPUT_DIM,
            workload.LATENT_DIM,
            units,
            units,
            num_importance_samples=k,
            seed=0,
        )
        jit_compile = False if kind == "one process without XLA" else "auto"
        model.compile(keras.optimizers.Adam(workload.LEARNING_RATE), jit_compile=jit_compile)
    x = workload.training_images(k)
    options = {"batch_size": workload.BATCH_SIZE, "epochs": workload.EPOCHS, "verbose": 0}
    model.fit(x, **options)
    start = time.perf_counter()
    model.fit(x, **options)
    seconds = time.perf_counter() - start
    print(json.dumps(seconds / workload.EPOCHS / workload.STEPS[k]))


def _run(kind, k):
    """Milliseconds of a step."""
    count = 2 if kind == "two workers" else 1
    with contextlib.ExitStack() as sockets:
        probes = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        hosts = [f"127.0.0.1:{probe.getsockname()[1]}" for probe in probes]
    processes = []
    for index in range(count):
        code = f"from benchmarks import replicas; replicas.measure({kind!r}, {k})"
        environment = {**os.environ, "TF_CONFIG": tf_config(hosts, index)} if count > 1 else None
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", code],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        )
    outputs = [process.communicate()[0] for process in processes]
    return 1000 * max(json.loads(output.splitlines()[-1]) for output in outputs)


def main(repeats: int = 3, out: pathlib.Path = _RESULTS):
    """Measures in turns, prints the medians and saves replicas.json.

    Args:
        repeats: number of rounds.
        out: folder.
    """
    cells = [(kind, k) for k in (1, 8, 64) for kind in _KINDS] * repeats
    found = {}
    for kind, k in tqdm.tqdm(cells, desc="replicas"):
        found.setdefault(f"{kind}, k = {k}", []).append(_run(kind, k))
    (out / "replicas.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    table = rich.table.Table(title="ms a step on a batch of 100; median, lowest, highest")
    for column in ("", "median", "lowest", "highest"):
        table.add_column(column, justify="right")
    for name, values in found.items():
        shown = (statistics.median(values), min(values), max(values))
        table.add_row(name, *(f"{value:.2f}" for value in shown))
    rich.console.Console().print(table)


if __name__ == "__main__":
    tyro.cli(main)
