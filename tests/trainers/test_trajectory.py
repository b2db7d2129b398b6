"""A training that nothing stops, evaluated along the way and at its best."""

import dataclasses

import keras
import numpy as np
import pytest
import tqdm

import air_tf
from trainers import trajectory

COURSE = trajectory.Course(60, 6, (2, 3, 6), batch_size=10)


def overfitting():
    """A model and ten digits, too few to learn from."""
    digits = air_tf.datasets.load("digits")
    data = dataclasses.replace(digits, train=digits.train[:10], validation=digits.validation[:40])
    model = air_tf.create_model("vae", 64, encoder_units=(8,), decoder_units=(8,), seed=0)
    model.compile(keras.optimizers.Adam(0.03), jit_compile=False)
    return model, data


def test_the_evaluations_are_of_the_weights_of_their_time():
    """Against a `fit` that keeps the weights and the bound of each epoch."""
    model, data = overfitting()
    weights, bounds = [], []

    def keep(epoch, logs):
        weights.append(model.get_weights())
        bounds.append(logs["val_iwae"])

    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=keep)]
    validation = {"validation_data": (data.validation,), "validation_batch_size": 40}
    trajectory.fit(model, data, 3, COURSE, callbacks=callbacks, **validation)
    best = int(np.argmax(bounds))
    assert 0 < best < 5  # neither the first nor the last: the cases are told apart

    model, data = overfitting()
    with tqdm.tqdm(total=60, disable=True) as bar:
        found = trajectory.follow(model, data, 3, COURSE, model.get_weights, bar)
    assert list(found.along) == [20, 30, 60]
    assert found.early_steps == 10 * (best + 1)
    pairs = [(found.early, weights[best]), (found.weights, weights[5])]
    pairs += [(found.along[10 * epoch], weights[epoch - 1]) for epoch in (2, 3, 6)]
    pairs.append((model.get_weights(), weights[best]))
    for ours, theirs in pairs:
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_course_must_fit_its_parts():
    with pytest.raises(ValueError, match=r"multiple of 6. Received: num_steps=61"):
        trajectory.Course(61, 6, (6,))
    with pytest.raises(ValueError, match=r"end with epoch 6. Received: evaluated_epochs=\(2, 5\)"):
        trajectory.Course(60, 6, (2, 5))
