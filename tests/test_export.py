import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import air_tf
from tests.conftest import small_model

ALONE = """
import resource, sys
for name in ("air_tf", "tensorflow_probability", "keras", "tf_keras"):
    sys.modules[name] = None  # importing it raises ImportError
sys.path.pop(0)
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1] + "/saved")
x = np.load(sys.argv[1] + "/x.npy").astype("float32")
peaks = []  # in KiB; the logits of all samples at once would take 115 MiB
for k in (50, 5000):
    model.log_likelihood(np.tile(x, [16, 1])[:500], tf.constant(k), tf.constant(3))
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
np.savez(sys.argv[1] + "/out.npz", growth=peaks[1] - peaks[0],
         encode=model.encode(x)["loc"],
         decode=model.decode(model.encode(x)["loc"])["logits"],
         sample=model.sample(tf.constant(5), tf.constant(3)),
         reconstruct=model.reconstruct(x, tf.constant(3)),
         elbo=model.elbo(x, tf.constant(77), tf.constant(3)),
         log_likelihood=model.log_likelihood(x, tf.constant(77), tf.constant(3)))
"""


def exported_outputs(model, x, folder):
    air_tf.export_saved_model(model, folder / "saved")
    np.save(folder / "x.npy", x)
    subprocess.run([sys.executable, "-c", ALONE, str(folder)], check=True)
    return np.load(folder / "out.npz")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [("dwni_iwae", {}), ("vae", {"variational_family": "full_covariance_gaussian"})],
)
def test_runs_with_tensorflow_alone_and_gives_the_same_numbers(name, options, x, tmp_path):
    model = small_model(name, **options)
    outputs = exported_outputs(model, x, tmp_path)
    loc = model.encode(x)["loc"]
    seed = {"seed": 3}
    np.testing.assert_allclose(outputs["encode"], loc, atol=1e-5)
    np.testing.assert_allclose(outputs["decode"], model.decode(loc)["logits"], atol=1e-5)
    np.testing.assert_allclose(outputs["sample"], model.sample(5, **seed), atol=1e-5)
    np.testing.assert_allclose(outputs["reconstruct"], model.reconstruct(x, **seed), atol=1e-5)
    estimate = air_tf.evaluation.importance_log_likelihood(model, x, 77, seed=3, progress=False)
    np.testing.assert_allclose(outputs["log_likelihood"], estimate.per_example, atol=1e-4)
    log_weights = model.log_weights(x, 4000, seed=0).numpy()
    assert outputs["growth"] < 20_000
    deviation = outputs["elbo"] - log_weights.mean(0)
    assert np.all(np.abs(deviation) < 5 * log_weights.std(0) / np.sqrt(77))


def test_refuses_a_path_that_exists(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match=r"nothing is yet\. Received"):
        air_tf.export_saved_model(small_model(), tmp_path)
    assert (tmp_path / "file").read_text() == "mine"


def test_batch_dimension_is_free(x, tmp_path):
    air_tf.export_saved_model(small_model(), tmp_path / "saved")
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    for n in (1, 5):
        assert loaded.reconstruct(x[:n].astype("float32"), tf.constant(0)).shape == (n, 12)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`num_samples` must be at least 1"):
        loaded.elbo(x.astype("float32"), tf.constant(0), tf.constant(0))


def test_loads_as_a_keras_layer(x, tmp_path):
    model = small_model()
    air_tf.export_saved_model(model, tmp_path / "exported")
    layer = keras.layers.TFSMLayer(tmp_path / "exported", call_endpoint="encode")
    np.testing.assert_allclose(layer(x.astype("float32"))["loc"], model.encode(x)["loc"], atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        *({"likelihood": name} for name in air_tf.distributions.LIKELIHOODS),
        {"input_dim": None, "input_shape": (3, 4, 1), "architecture": "conv"},
    ],
)
def test_any_likelihood_and_shape(options, tmp_path):
    """The SavedModel has the bound of the Keras model, and keeps the shape of observations."""
    model = small_model(**options)
    x = np.random.default_rng(0).integers(0, 2, (5, *model.observation_shape)).astype("float32")
    x[:, 0] = 1.0  # no count whose total is 0
    air_tf.export_saved_model(model, tmp_path / "saved")
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    expected = air_tf.evaluation.importance_log_likelihood(model, x, 60, progress=False)
    bound = loaded.log_likelihood(x, tf.constant(60), tf.constant(0))
    np.testing.assert_allclose(bound, expected.per_example, rtol=1e-4)
    z = model.encode(x)["loc"]
    for name, value in loaded.decode(z).items():
        np.testing.assert_allclose(value, model.decode(z)[name], rtol=1e-4, atol=1e-5)
    assert loaded.reconstruct(x, tf.constant(0)).shape == x.shape
