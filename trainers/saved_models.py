"""Loads SavedModels with the config of their training, and evaluates them by their endpoints."""

import numpy as np
import tensorflow as tf
import tqdm

import air_tf
from air_tf import checks, checksums, files
from air_tf.evaluation import Estimate, finished_batches
from trainers import run_folder
from trainers.train_config import TrainConfig


def load(path, dataset=None, likelihood=None):
    """Loads a SavedModel, and the config of its training.

    Args:
        path: `pathlib.Path` of its folder.
        dataset: the data set to evaluate it on; if None, the one in its config.
        likelihood: name of its likelihood if no config was exported; "bernoulli" if None.

    Returns:
        A `TrainConfig`, with only these two if no config was exported; and the model.

    Raises:
        ValueError: if a file is damaged, an endpoint is missing, or no data set is known.
    """
    extra = path / run_folder.EXPORTED_CONFIG
    if not extra.exists() and (path.parent / air_tf.zoo.CARD).exists():
        extra = path.parent / run_folder.CONFIG
    if not extra.exists() and dataset is None:
        raise ValueError(
            f"A SavedModel without {run_folder.EXPORTED_CONFIG} needs --dataset. Received: {path}"
        )
    if extra.exists():
        trained = TrainConfig.of_dict(files.read_json(extra), str(extra))
    else:
        known = {"dataset": dataset, "likelihood": likelihood or "bernoulli"}
        trained = TrainConfig.of_dict({**known, "model": "", "out": ""}, "command line")
    hashes = path / run_folder.EXPORTED_HASHES
    if hashes.parent.exists():  # trainers.export wrote it
        checksums.check_hashes(path, hashes)
    try:
        model = tf.saved_model.load(str(path))
    except Exception as error:  # TensorFlow can raise any error for a file that is no model
        raise ValueError(f"TensorFlow must be able to load {path}. Received: {error}") from error
    for endpoint in ("log_likelihood", "elbo", "decode"):
        if not hasattr(model, endpoint):
            raise ValueError(f"A SavedModel must have an endpoint {endpoint}. Received: {path}")
    parameters = model.signatures["decode"].structured_outputs.keys()
    if not extra.exists() and likelihood is None and parameters != {"logits"}:
        raise ValueError(
            f"A SavedModel without {run_folder.EXPORTED_CONFIG} needs --likelihood, unless it is "
            f"Bernoulli. Received: {path}, whose p(x|z) has the parameters {sorted(parameters)}"
        )
    return trained, model


def observation_shape(model):
    """The shape S of the examples `[N, *S]` that a loaded SavedModel takes."""
    signature = model.signatures["elbo"].structured_input_signature[1]
    return tuple(signature["x"].shape[1:])


def evaluate(path, model, x, config, backups):
    """Evaluates examples by the endpoints; returns {quantity: `Estimate`}.

    Args:
        path: path of the model.
        model: the model that `load` returned.
        x: the examples `[N, *S]`.
        config: an `EvaluateConfig`.
        backups: folder for the results of finished batches, or None.
    """
    num_samples = tf.constant(checks.positive_int("num_samples", config.num_samples))
    batch_size = checks.positive_int("batch_size", config.batch_size)

    def bounds(index):
        batch = tf.constant(x[index * batch_size :][:batch_size], tf.float32)
        (seed,) = np.random.SeedSequence([config.seed, index]).generate_state(1)
        arguments = (batch, num_samples, tf.bitcast(tf.constant(seed), tf.int32))
        return [model.log_likelihood(*arguments).numpy(), model.elbo(*arguments).numpy()]

    if backups is not None:
        hashes = [checksums.sha256(file) for file in sorted(path.rglob("*")) if file.is_file()]
        identity = (hashes, config.num_samples, batch_size, config.seed)
        backups = finished_batches.folder(backups, [x], identity)
    indices = tqdm.trange(-(-len(x) // batch_size), desc=f"IWAE-{config.num_samples}")
    parts = zip(*finished_batches.outputs(indices, bounds, backups), strict=True)
    importance, elbo = (Estimate(np.concatenate(values)) for values in parts)
    return {
        "importance_log_likelihood": importance,
        "elbo": elbo,
        "importance_elbo_gap": importance - elbo,
    }
