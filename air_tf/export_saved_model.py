"""Export to a SavedModel that runs with TensorFlow alone."""

import pathlib

import keras
import tensorflow as tf

from air_tf import prng
from air_tf.evaluation.streaming_bounds import streaming_bounds


def export_saved_model(model, path):
    r"""Writes a SavedModel with named endpoints; the batch dimension is free.

    | endpoint | returns |
    |---|---|
    | `encode(x)` | parameters of q(z\|x), as `model.encode` |
    | `decode(z)` | parameters of p(x\|z), as `model.decode` |
    | `sample(num_samples, seed)` | means of p(x\|z), z ~ N(0, I), as `model.sample` |
    | `reconstruct(x, seed)` | means of p(x\|z), z ~ q(z\|x), as `model.reconstruct` |
    | `elbo(x, num_samples, seed)` | the ELBO of each example, nats |
    | `log_likelihood(x, num_samples, seed)` | the IWAE-k bound of each example, nats |

    x is float32 `[B, *S]`, z float32 `[B, Z]`; `num_samples` ≥ 1 and `seed` are int32 scalars. With
    the same seed, the numbers equal those of the Keras model; they equal those of
    `air_tf.evaluation` if the images are one batch there. XLA compiles the two bounds,
    except for convolutions exported on a CPU. They stream over their samples, so memory does not
    grow with the number of samples.

    Args:
        model: a `VariationalAutoencoder`.
        path: folder to write; it must not exist yet.

    Raises:
        FileExistsError: if something is at `path`.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     air_tf.export_saved_model(model, f"{folder}/model")
    ...     loaded = tf.saved_model.load(f"{folder}/model")
    ...     loaded.decode(tf.zeros([3, 50]))["logits"].shape
    TensorShape([3, 64])
    """
    path = pathlib.Path(path)
    if path.exists():
        raise FileExistsError(f"The export needs a path where nothing is yet. Received: {path}")
    x = tf.TensorSpec([None, *model.observation_shape], tf.float32, name="x")
    z = tf.TensorSpec([None, model.latent_dim], tf.float32, name="z")
    num_samples = tf.TensorSpec([], tf.int32, name="num_samples")
    seed = tf.TensorSpec([], tf.int32, name="seed")

    def bounds(x, num_samples, seed):
        # The evaluators fold the batch index into the seed; here there is one batch.
        seed = prng.fold_in(seed, 0)
        outputs = model.posterior_outputs(x)
        return streaming_bounds(model, x, outputs, seed, num_samples, num_largest=0)

    compiled = tf.function(bounds, jit_compile=model.compiles_to_xla())

    def bound(name):
        def endpoint(x, num_samples, seed):
            message = "`num_samples` must be at least 1"
            with tf.control_dependencies([tf.debugging.assert_positive(num_samples, message)]):
                return getattr(compiled(x, tf.identity(num_samples), seed), name)

        return endpoint

    endpoints = {
        "encode": (model.encode, [x]),
        "decode": (model.decode, [z]),
        "sample": (model.sample, [num_samples, seed]),
        "reconstruct": (model.reconstruct, [x, seed]),
        "elbo": (bound("elbo"), [x, num_samples, seed]),
        "log_likelihood": (bound("iwae"), [x, num_samples, seed]),
    }
    archive = keras.export.ExportArchive()
    for name, (function, signature) in endpoints.items():
        archive.add_endpoint(name, function, input_signature=signature)
    archive.write_out(str(path), verbose=False)
