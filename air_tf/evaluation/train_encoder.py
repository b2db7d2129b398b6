"""Trains the encoder alone, by the model's own `fit`."""

import keras
import numpy as np
import tensorflow as tf
import tqdm

from air_tf import prng, replicated, training_state
from air_tf.evaluation import finished_batches
from air_tf.evaluation.with_encoder import with_encoder


def train_encoder(
    model,
    encoder,
    x,
    beside,
    kind,
    *,
    epochs,
    batch_size,
    learning_rate,
    seed,
    progress,
    backup_dir,
):
    """A copy of a model whose encoder has been trained; all else is as it was, bit for bit.

    Adam takes the steps of the model's own `fit`; its learning rate falls to 0 by a cosine.

    Args:
        model: a `VariationalAutoencoder`; it does not change.
        encoder: the encoder to start from; it does not change.
        x: observations `[N, *S]`, which each epoch takes.
        beside: function of an epoch, from 0 on, that returns N more observations for it.
        kind: text that tells what `beside` returns from what it returns in other calls.
        epochs, batch_size, learning_rate, seed, progress, backup_dir: as in `refit_encoder`.

    Returns:
        The copy, not compiled.

    Raises:
        ValueError: if no weight of the encoder is trainable, or the bound is no longer finite.
    """
    trained, student = with_encoder(model, encoder), with_encoder(model, encoder)
    strategy = model.distribute_strategy
    backup = None
    if backup_dir is not None:
        options = (kind, epochs, batch_size, learning_rate, seed, strategy.num_replicas_in_sync)
        identity = ("train_encoder", options, trained.get_config())
        backup = finished_batches.folder(backup_dir, (x, *trained.get_weights()), identity)
    x = x.astype(model.density_dtype)
    with strategy.scope():
        _freeze_all_but_the_encoder(student)
        _set_seeds(student, seed)
        steps = epochs * -(-2 * len(x) // batch_size)
        schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        student.compile(keras.optimizers.Adam(schedule), **_kept_options(model))
    done = _resume(student, backup)
    bar = tqdm.tqdm(total=epochs, initial=done, desc="encoder", unit="epoch", disable=not progress)
    with bar:
        for epoch in range(done, epochs):
            both = np.concatenate([x, beside(epoch)])
            part = {"initial_epoch": epoch, "epochs": epoch + 1}
            logs = student.fit(both, batch_size=batch_size, verbose=0, **part).history
            if not np.isfinite(logs["loss"][-1]):
                raise ValueError(
                    "`learning_rate` must be low enough for the bound to stay finite. "
                    f"Received: learning_rate={learning_rate}, with which epoch {epoch + 1} is not"
                )
            if backup is not None and strategy.extended.should_checkpoint:
                finished_batches.write_last(backup, epoch + 1, training_state.arrays(student))
            bar.update()
            bar.set_postfix(elbo=logs["elbo"][-1])
    trained.encoder.set_weights(student.encoder.get_weights())
    return trained


def _kept_options(model):
    """What the given model, if it is compiled, says about XLA: some layers cannot take it."""
    config = model.get_compile_config()
    return {"jit_compile": config["jit_compile"]} if config else {}


def _freeze_all_but_the_encoder(model):
    model.decoder.trainable = False  # layers, too: one that normalizes batches would change
    inside = set(map(id, model.encoder.trainable_variables))
    if not inside:
        raise ValueError(
            "The encoder must have trainable weights. "
            f"Received: {model.encoder.name!r}, whose weights are all frozen"
        )
    for weight in model.weights:
        weight.trainable = id(weight) in inside


def _set_seeds(model, seed):
    """The order of examples, noise and samples come from the seed, whatever the model's own is."""
    model.seed = seed
    weights = set(map(id, model.weights))
    states = [variable for variable in model.variables if id(variable) not in weights]
    for i, state in enumerate(states):
        state.assign(tf.bitcast(prng.fold_in(seed, i), tf.uint32))


def _resume(model, backup):
    """Brings the model to the last epoch on disk; returns the number of epochs done."""
    if backup is None:
        return 0
    finished = finished_batches.read(backup)
    done = max(finished, default=0)
    replicated.require_same(model.distribute_strategy, done, f"finished epochs in {backup}")
    if done:
        with model.distribute_strategy.scope():
            training_state.assign(model, finished[done])
    return done
