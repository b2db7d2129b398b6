"""Several replicas, in one process or in several, equal one replica on the joined batch."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from trainers.host_commands import tf_config

SETTING = """
import contextlib, json, os, sys, numpy as np, tensorflow as tf
import keras, air_tf
from tests.conftest import small_model

x = (np.random.default_rng(0).random((21, 12)) < 0.4).astype("uint8")
w = np.linspace(0, 2, 21).astype("float32")
draw = air_tf.prng.normal

def same_noise(shape, seed, dtype):
    # Differs between samples and latents, not between examples: they may be shared out.
    shape = tf.convert_to_tensor(shape)
    rank = shape.shape[0]
    table = tf.constant(np.random.default_rng(1).normal(size=(80, 12)), dtype)
    part = table[: 1 if rank == 2 else shape[0], : shape[-1]]
    axes = [tf.shape(part)[:1], tf.ones([rank - 2], tf.int32), shape[-1:]]
    return tf.broadcast_to(tf.reshape(part, tf.concat(axes, 0)), shape)

def train(scope, jit_compile="auto", steps=None, **options):
    with scope:
        model = small_model("diwae")
        optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
        model.compile(optimizer, jit_compile=jit_compile, steps_per_execution=steps)
    air_tf.prng.normal = same_noise
    options = dict(batch_size=8, sample_weight=w, epochs=3, verbose=0) | options
    history = model.fit(x, validation_data=(x,), **options).history
    air_tf.prng.normal = draw
    options = dict(num_samples=70, batch_size=5, progress=False)
    estimate = air_tf.evaluation.importance_log_likelihood(model, x, **options).per_example
    arrays = {f"weight{i}": weight for i, weight in enumerate(model.get_weights())}
    arrays |= {"predicted": model.predict(x, verbose=0), "estimate": estimate}
    return arrays | {f"history_{name}": np.array(h) for name, h in history.items()}
"""
ONE = "np.savez(sys.argv[1], **train(contextlib.nullcontext(), False))"
MIRRORED = """
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
np.savez(sys.argv[1], **train(strategy.scope(), steps=int(sys.argv[2])))
"""
WORKER = """
callbacks = [air_tf.callbacks.BackupAndRestore(sys.argv[2])]
if sys.argv[3] != "0":  # dies in the middle of an epoch
    die = lambda batch, logs: os._exit(9) if strategy.cluster_resolver.task_id == 1 else None
    late = lambda epoch, logs: epoch and setattr(callbacks[1], "on_train_batch_end", die)
    callbacks.append(keras.callbacks.LambdaCallback(on_epoch_begin=late))
result = train(strategy.scope(), steps=1, callbacks=callbacks)
np.savez(sys.argv[1] + str(strategy.cluster_resolver.task_id), **result)
"""
# The strategy of several workers must be made before anything else.
WORKER_FIRST = "import tensorflow as tf; strategy = tf.distribute.MultiWorkerMirroredStrategy()"


def run(script, *arguments):
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]


def assert_same(path, expected):
    with np.load(path) as result:
        assert set(result) == set(expected)
        for name, value in result.items():
            np.testing.assert_allclose(value, expected[name], rtol=2e-4, atol=2e-6, err_msg=name)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    path = tmp_path_factory.mktemp("one") / "one.npz"
    run(SETTING + ONE, path)
    with np.load(path) as result:
        return dict(result)


@pytest.mark.slow
def test_two_replicas_equal_one_on_the_joined_batch(expected, tmp_path):
    """Three batches are an epoch and an execution; the last one, of 5, is uneven."""
    run(SETTING + MIRRORED, tmp_path / "two.npz", 3)
    assert_same(tmp_path / "two.npz", expected)


@pytest.fixture
def start_workers(tmp_path):
    """Starts two worker processes on this host; whatever happens, none outlives the test."""
    processes = []

    def start(die):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            second.bind(("127.0.0.1", 0))
            workers = [f"127.0.0.1:{s.getsockname()[1]}" for s in (first, second)]
        script = "\n".join([WORKER_FIRST, SETTING, WORKER])
        arguments = [str(tmp_path / "out"), str(tmp_path / "backups"), str(int(die))]
        for index in range(2):
            environment = {**os.environ, "TF_CONFIG": tf_config(workers, index)}
            command = [sys.executable, "-c", script, *arguments]
            with (tmp_path / f"log{index}").open("w") as log:
                processes.append(subprocess.Popen(command, env=environment, stderr=log))
        return processes[-2:]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_two_workers_one_killed_equal_one_worker(expected, start_workers, tmp_path):
    chief, killed = start_workers(die=True)
    assert killed.wait(200) == 9
    chief.kill()
    chief.wait()
    assert [path.name[:8] for path in (tmp_path / "backups").iterdir()] == ["00000001"]
    for index, process in enumerate(start_workers(die=False)):
        assert process.wait(200) == 0, (tmp_path / f"log{index}").read_text()[-3000:]
    for index in range(2):  # each has all results, complete and in order
        assert_same(tmp_path / f"out{index}.npz", expected)
