"""Names of Keras that could go without an error: what they do here must still happen."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from air_tf import private_keras
from air_tf.fitting import SuperbatchModel


class Regression(SuperbatchModel):
    """Keeps the first number of each example that a step saw, and what hooks were called with."""

    def __init__(self, seed=None):
        super().__init__()
        self.seed, self.seen, self.epochs = seed, [], []
        self.dense = keras.layers.Dense(1)
        self.build((None, 2))

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        tf.py_function(lambda x: self.seen.append(x[:, 0].numpy().tolist()), [data[0]], [])
        return super().train_step(data)

    def prepare_epochs(self, epochs):
        self.epochs.append(epochs)
        super().prepare_epochs(epochs)


def compiled(steps=None, jit_compile=False, seed=None):
    model = Regression(seed)
    model.compile("sgd", loss="mse", jit_compile=jit_compile, steps_per_execution=steps)
    return model


X = np.stack([np.arange(10.0), np.ones(10)], axis=1).astype("float32")
Y = np.zeros((10, 1), "float32")


def test_compile_asks_whether_auto_means_xla():
    assert compiled(jit_compile="auto").jit_compile


def test_fit_and_evaluate_ask_for_their_epochs():
    model = compiled()
    model.fit(X, Y, validation_data=(X, Y), epochs=2, verbose=0)
    model.evaluate(X, Y, verbose=0)
    assert [type(epochs) for epochs in model.epochs] == [private_keras.Epochs] * 3


def test_fit_says_when_it_calls_evaluate():
    seen = []

    class Spy(Regression):
        def evaluate(self, *args, **kwargs):
            seen.append(private_keras.is_validation(kwargs))
            return super().evaluate(*args, **kwargs)

    model = Spy()
    model.compile("sgd", loss="mse", jit_compile=False)
    model.fit(X, Y, validation_data=(X, Y), verbose=0)
    model.evaluate(X, Y, verbose=0)
    assert seen == [True, False]


def test_epochs_decide_the_length_of_executions():
    begins = []

    class Begins(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            begins.append(batch)

    model = compiled(steps=3)
    model.fit(X, Y, batch_size=2, epochs=2, callbacks=[Begins()], verbose=0)
    assert begins == [0, 3, 0, 3]
    assert len(model.seen) == 10


def test_the_data_can_be_replaced():
    """A seeded order, which Keras's own pipeline would not have."""
    orders = []
    for _ in range(2):
        model = compiled(seed=0)
        model.fit(X, Y, batch_size=2, epochs=2, verbose=0)
        orders.append(model.seen)
    assert orders[0] == orders[1]
    assert orders[0][:5] != orders[0][5:]


@pytest.mark.parametrize(
    ("batch_size", "steps", "most", "length"),
    [(3, None, None, 4), (None, 5, None, 5), (None, 5, 2, 2), (None, None, None, 1)],
)
def test_an_adapter_has_as_many_batches_as_arrays(batch_size, steps, most, length, monkeypatch):
    monkeypatch.setattr(keras.config, "max_steps_per_epoch", lambda: most)
    options = {"keeps_pipeline": False, "batch_size": batch_size, "steps": steps}
    adapter = private_keras.ArrayAdapter(x=X, y=Y, **options)
    assert adapter.num_batches == length
    assert len(adapter.get_tf_dataset()) == 0


def test_an_adapter_keeps_the_pipeline_of_what_is_not_dense():
    x = tf.sparse.from_dense(X)
    adapter = private_keras.ArrayAdapter(x=x, y=Y, keeps_pipeline=False, batch_size=5)
    assert adapter.arrays is None
    assert len(list(adapter.get_tf_dataset())) == 2


def test_epochs_can_be_skipped():
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(2)

    class Resumed(keras.callbacks.Callback):
        def resume_fit(self, model, callbacks):
            return 1

    model = compiled()
    model.fit(data, epochs=2, steps_per_epoch=2, callbacks=[Resumed()], verbose=0)
    assert model.seen == [[4.0, 5.0], [6.0, 7.0]]


def test_a_generators_none_arrives_as_none():
    seen = []

    class Spy(Regression):
        def check_data(self, data):
            seen.append(data[1])

        def test_step(self, data):
            return {"loss": tf.reduce_sum(data[0])}

    model = Spy()
    model.compile("sgd", jit_compile=False)
    model.evaluate(((X, None) for _ in range(2)), steps=2, verbose=0)
    assert seen == [None, None]


def test_arrays_are_told_from_other_data():
    assert private_keras.are_arrays((X, None))
    assert not private_keras.are_arrays(iter([X]))
    assert not private_keras.are_arrays(tf.data.Dataset.from_tensors(X))


def test_all_layers_are_found_at_any_depth():
    inner = keras.layers.Dense(1)
    model = keras.Sequential([keras.Sequential([keras.Input((2,)), inner])])
    assert any(layer is inner for layer in private_keras.all_layers(model))


def test_layers_say_whether_xla_knows_them():
    layer = keras.layers.Dense(1)
    layer.supports_jit = False
    model = keras.Sequential([keras.Input((2,)), layer])
    assert not private_keras.supports_xla(model)
