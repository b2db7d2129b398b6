"""What `fit` does beside what Keras documents: sizes of executions, reading ahead, resuming."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from air_tf.fitting import SuperbatchModel, superbatch_trainer

X, Y = np.arange(40.0, dtype="float32").reshape(20, 2) / 40, np.ones((20, 1), "float32")


def regression(steps=None, jit_compile=True, seed=None):
    inputs = keras.Input((2,))
    model = SuperbatchModel(inputs, keras.layers.Dense(1, kernel_initializer="ones")(inputs))
    model.seed = seed
    model.compile("sgd", loss="mse", jit_compile=jit_compile, steps_per_execution=steps)
    return model


class Executions(keras.callbacks.ProgbarLogger):
    """The lengths of the executions, without asking for each batch."""

    def __init__(self):
        super().__init__()
        self.lengths = []

    def on_train_batch_end(self, batch, logs=None):
        self.lengths.append(self.model.batches_in_execution)


Executions.__module__ = "keras"  # a callback of Keras is content with executions


@pytest.mark.parametrize(("most", "lengths"), [(2**26, [10]), (49, [3, 3, 3, 1]), (1, [1] * 10)])
def test_an_execution_we_choose_is_no_larger_than_it_may_be(most, lengths, monkeypatch):
    """A batch of two examples has 2·(2 + 1) numbers of 4 bytes."""
    monkeypatch.setattr(superbatch_trainer, "_MOST_BYTES", most)
    executions, model = Executions(), regression()
    model.fit(X, Y, batch_size=2, callbacks=[executions], verbose=0)
    assert executions.lengths == lengths
    expected = regression(steps=1, jit_compile=False)
    expected.fit(X, Y, batch_size=2, verbose=0, shuffle=False)
    twin = regression()
    twin.fit(X, Y, batch_size=2, verbose=0, shuffle=False)
    np.testing.assert_allclose(twin.get_weights()[0], expected.get_weights()[0], rtol=1e-5)


def test_a_step_is_traced_once_for_each_shape_of_batch():
    """Seven batches in executions of four: the second one has two of three examples, and a last."""
    traced = []

    class Spy(keras.layers.Layer):
        def call(self, inputs, training=False):
            traced.append((training, *inputs.shape[:1]))
            return inputs

    inputs = keras.Input((2,))
    model = SuperbatchModel(inputs, keras.layers.Dense(1)(Spy()(inputs)))
    model.compile("sgd", loss="mse", jit_compile=True, steps_per_execution=4)
    traced.clear()
    data = {"batch_size": 3, "validation_data": (X[:10], Y[:10]), "verbose": 0}
    model.fit(X, Y, epochs=2, **data)
    model.fit(X, Y, **data)
    assert traced == [(True, 3), (True, 2), (False, 3), (False, 1)]


@pytest.mark.parametrize("steps", [1, 3])
def test_no_batch_of_another_epoch_is_taken(steps):
    taken = []

    def batches():
        for start in range(0, 20, 2):
            taken.append(start // 2)
            yield X[start : start + 2], Y[start : start + 2]

    specs = (tf.TensorSpec([None, 2]), tf.TensorSpec([None, 1]))
    data = tf.data.Dataset.from_generator(batches, output_signature=specs)
    ends = []

    class Ends(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            ends.append(len(taken))

    model = regression(steps)
    model.fit(data, steps_per_epoch=4, epochs=2, callbacks=[Ends()], verbose=0)
    assert ends == [4, 8]


def test_an_error_comes_after_the_steps_before_it():
    def batches():
        for start in range(0, 10, 2):
            yield X[start : start + 2], Y[start : start + 2]
        raise RuntimeError("no more")

    specs = (tf.TensorSpec([None, 2]), tf.TensorSpec([None, 1]))
    data = tf.data.Dataset.from_generator(batches, output_signature=specs)
    model = regression(steps=3)
    with pytest.raises(tf.errors.OpError, match="no more"):
        model.fit(data, verbose=0)
    assert model.optimizer.iterations.numpy() == 5


def test_a_callback_may_evaluate_in_the_middle_of_an_epoch():
    """The bar still counts the batches of training, and validation its own."""
    counted = []

    class Evaluates(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.evaluate(X, Y, batch_size=20, verbose=0)
            counted.append(self.model.batches_in_execution)

    model = regression(steps=4, jit_compile=False)
    model.fit(X, Y, batch_size=2, callbacks=[Evaluates()], verbose=0)
    assert counted == [4, 4, 2]


class Resumed(keras.callbacks.Callback):
    """Says that some epochs are done, and brings the weights that they ended with."""

    def __init__(self, epochs, weights):
        super().__init__()
        self.epochs, self.weights = epochs, weights

    def resume_fit(self, model, callbacks):
        model.set_weights(self.weights)
        return self.epochs


@pytest.mark.parametrize("kind", ["array", "dataset", "generator"])
@pytest.mark.parametrize("steps_per_epoch", [None, 3])
def test_a_resumed_training_sees_the_data_that_come_then(kind, steps_per_epoch):
    def data():
        batches = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(20, seed=1).batch(2)
        if kind == "array":
            return {"x": X, "y": Y, "batch_size": 2}
        return {"x": batches if kind == "dataset" else iter_forever(batches)}

    def iter_forever(batches):
        while True:
            yield from batches.as_numpy_iterator()

    steps = steps_per_epoch or {"generator": 10}.get(kind)
    options = {"steps_per_epoch": steps, "shuffle": kind == "array", "verbose": 0}
    whole, part, rest = (regression(jit_compile=False, seed=3) for _ in range(3))
    whole.fit(**data(), epochs=3, **options)
    part.fit(**data(), epochs=2, **options)
    rest.fit(**data(), epochs=3, callbacks=[Resumed(2, part.get_weights())], **options)
    np.testing.assert_array_equal(rest.get_weights()[0], whole.get_weights()[0])
    assert rest.history.epoch == [2]


def test_arrays_are_shuffled_within_batches_if_asked():
    model, seen = regression(jit_compile=False), []
    model.check_data = lambda data: None
    step = model.train_step
    model.train_step = lambda data: (
        tf.py_function(lambda x: seen.append(x.numpy()[:, 0] * 20), [data[0]], []),
        step(data),
    )[1]
    model.fit(X, Y, batch_size=10, shuffle="batch", verbose=0)
    assert [sorted(np.round(batch)) for batch in seen] == [
        list(range(10)),
        list(range(10, 20)),
    ]
    assert list(np.round(np.concatenate(seen))) != list(range(20))
