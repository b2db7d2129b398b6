"""Two replicas on one host: the losses and weights are those of one replica on the joined batch."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import contextlib, keras, air_tf
from tests.conftest import small_model

draw = air_tf.random.normal
x = (np.random.default_rng(0).random((21, 12)) < 0.4).astype("uint8")
w = np.linspace(0, 2, 21).astype("float32")
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

def train(scope, jit_compile):
    # Without chance both must learn the same: every draw is its mean.
    air_tf.random.normal = lambda shape, seed, dtype: tf.zeros(shape, dtype)
    with scope:
        model = small_model("iwae")
        model.compile(keras.optimizers.SGD(0.05), jit_compile=jit_compile)
    before = [weight.numpy() for weight in model.trainable_weights]
    options = dict(batch_size=8, shuffle=False, sample_weight=w, epochs=2, verbose=0)
    history = model.fit(x, validation_data=(x,), **options).history
    moves = [weight.numpy() - b for weight, b in zip(model.trainable_weights, before)]
    air_tf.random.normal = draw
    options = dict(num_samples=70, batch_size=5, progress=False)
    estimate = air_tf.evaluation.importance_log_likelihood(model, x, **options)
    assert estimate.per_example.shape == (21,)
    return moves, history, model.predict(x, verbose=0), estimate.per_example

one, two = train(contextlib.nullcontext(), False), train(strategy.scope(), "auto")
for a, b in zip(one[0], two[0]):
    assert np.abs(a).max() > 1e-3
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)
assert set(one[1]) == set(two[1])
for name in one[1]:
    np.testing.assert_allclose(one[1][name], two[1][name], rtol=1e-4)
np.testing.assert_allclose(one[2], two[2], rtol=1e-4)
np.testing.assert_allclose(one[3], two[3], rtol=1e-4)
print("equal")
"""


@pytest.mark.slow
def test_two_replicas_equal_one_on_the_joined_batch():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    print(done.stdout)
    assert done.stdout.endswith("equal\n")
