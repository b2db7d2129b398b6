"""Small things that users of Keras do with an autoencoder, each with what Keras leads to expect."""

import csv
import gc
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager.polymorphic_function.concrete_function import ConcreteFunction

import air_tf
from air_tf.callbacks import BackupAndRestore
from air_tf.models import VariationalAutoencoder
from tests.conftest import INPUT_DIM, LATENT_DIM, small_model

MOST_STEPS = 40


class Watched(VariationalAutoencoder):
    """Writes down the first example of each step, whose number is in its bits."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in ("trained", "tested"):
            rows = self.add_weight(shape=(MOST_STEPS,), dtype="int32", trainable=False, name=name)
            count = self.add_weight(shape=(), dtype="int32", trainable=False, name=name)
            setattr(self, f"_{name}", (rows, count))

    def note(self, name, data):
        x, *_ = keras.utils.unpack_x_y_sample_weight(data)
        rows, count = getattr(self, f"_{name}")
        number = tf.reduce_sum(tf.cast(x[0], tf.int32) * 2 ** tf.range(INPUT_DIM))
        rows.assign_add(number * tf.one_hot(count, MOST_STEPS, dtype=tf.int32))
        count.assign_add(1)

    def train_step(self, data):
        self.note("trained", data)
        return {**super().train_step(data), "learning_rate": self.optimizer.learning_rate + 0.0}

    def test_step(self, data):
        self.note("tested", data)
        return super().test_step(data)

    def firsts(self, name):
        rows, count = getattr(self, f"_{name}")
        return rows.numpy()[: int(count)].tolist()


def numbered(n):
    """Binary observations `[n, 12]` whose bits are their numbers."""
    return (np.arange(n)[:, None] >> np.arange(INPUT_DIM) & 1).astype("uint8")


def batched(n, *parts):
    return tf.data.Dataset.from_tensor_slices((numbered(n), *parts)).batch(1)


def watched(jit_compile=False, steps_per_execution=None, **options):
    networks = small_model()
    options = {"num_validation_samples": 2, "seed": 0, **options}
    model = Watched(networks.encoder, networks.decoder, **options)
    model.compile("sgd", jit_compile=jit_compile, steps_per_execution=steps_per_execution)
    return model


def network(*layers, inputs):
    return keras.Sequential([keras.Input(inputs), *layers])


def encoder():
    return network(keras.layers.Dense(2 * LATENT_DIM), inputs=(INPUT_DIM,))


def decoder(*last):
    last = last or (keras.layers.Dense(INPUT_DIM),)
    return network(keras.layers.Dense(5, "tanh"), *last, inputs=(LATENT_DIM,))


def fitted(model, data, **options):
    model.compile("sgd", jit_compile=False)
    return model.fit(data, verbose=0, **options).history


def assert_one_sentence(error, *words):
    message = str(error)
    assert "Received" in message
    assert "\n" not in message
    for word in words:
        assert word in message


# Lengths


@pytest.mark.parametrize("steps", [None, 3])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_second_epoch_gets_the_second_half(steps, jit_compile):
    model = watched(jit_compile, steps)
    model.fit(batched(10), steps_per_epoch=5, epochs=2, verbose=0)
    assert model.firsts("trained") == list(range(10))
    assert int(model.optimizer.iterations) == 10


@pytest.mark.parametrize("kind", ["array", "dataset"])
@pytest.mark.parametrize(("steps", "size", "expected"), [(3, 5, 10), (50, 3, 6)])
def test_steps_without_xla(kind, steps, size, expected):
    model = watched(False, steps)
    data = numbered(size) if kind == "array" else batched(size)
    batch_size = 1 if kind == "array" else None
    model.fit(data, batch_size=batch_size, epochs=2, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == expected
    assert model.firsts("trained") == 2 * list(range(size))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_validation_takes_the_steps_that_it_is_told(jit_compile):
    """And so does `evaluate` after such a `fit`, from the first batch on."""
    model = watched(jit_compile)
    model.fit(batched(4), validation_data=batched(10), validation_steps=5, epochs=2, verbose=0)
    assert model.firsts("tested") == 2 * list(range(5))
    model.evaluate(batched(10), steps=5, verbose=0)
    assert model.firsts("tested") == 3 * list(range(5))
    model.evaluate(batched(10), verbose=0)
    assert model.firsts("tested") == 3 * list(range(5)) + list(range(10))


@pytest.mark.parametrize("steps", [None, 50])
def test_the_bar_of_72_batches_ends_at_72(steps, monkeypatch):
    shown = []
    monkeypatch.setattr(
        keras.utils.Progbar,
        "update",
        lambda bar, current, values=None, finalize=None: shown.append((current, bar.target)),
    )
    model = small_model(num_validation_samples=2)
    model.compile("sgd", steps_per_execution=steps)
    model.fit(np.zeros((72, INPUT_DIM), "uint8"), batch_size=1, verbose=1)
    assert [target for _, target in shown] == [72] * len(shown)
    assert [current for current, _ in shown] == [50, 72, 72]


# Data


@pytest.mark.parametrize("kind", ["generator", "dataset"])
def test_targets_that_are_none(kind):
    model = watched()
    if kind == "dataset":
        model.fit(batched(4).map(lambda x: (x, None)), verbose=0)
    else:
        with pytest.warns(UserWarning, match="ran out of data"):  # as Keras does without steps
            model.fit(((x[None], None) for x in numbered(4)), verbose=0)
    assert model.firsts("trained") == [0, 1, 2, 3]
    assert int(model.optimizer.iterations) == 4


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_datasets_of_dicts_are_refused_in_a_sentence_or_taken(method):
    data = batched(4, np.arange(4)).map(lambda x, y: {"image": x, "label": y})
    model = watched()
    try:
        getattr(model, method)(data, verbose=0)
    except (ValueError, tf.errors.OpError) as error:
        assert_one_sentence(error, "dict")
    else:
        assert model.firsts("trained" if method == "fit" else "tested") in ([0, 1, 2, 3], [])


def test_validation_data_by_position():
    """x, y, batch size, epochs, verbose, callbacks, validation_split, validation_data."""
    model = watched()
    history = model.fit(numbered(4), None, 2, 1, 0, [], 0.0, (numbered(2),)).history
    assert model.firsts("tested") == [0]
    assert {"loss", "val_loss", "val_iwae"} <= set(history)
    loss = model.evaluate(numbered(2), None, 2, 0, None, 1, None, True)["loss"]
    assert np.isfinite(loss)


@pytest.mark.parametrize("shape", ["[N]", "[N, 1]"])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_weights_without_targets_are_used(shape, jit_compile):
    weights = np.linspace(0, 2, 6, dtype="float32")
    if shape == "[N, 1]":
        weights = weights[:, None]
    options = {"batch_size": 2, "shuffle": False, "verbose": 0}
    runs = [
        watched(jit_compile).fit(numbered(6), y, sample_weight=weights, **options).history
        for y in (None, np.zeros(6))
    ]
    np.testing.assert_allclose(runs[0]["loss"], runs[1]["loss"], rtol=1e-5)
    plain = watched(jit_compile).fit(numbered(6), **options).history
    assert not np.allclose(runs[0]["loss"], plain["loss"], rtol=1e-3)
    model = watched(jit_compile)
    weighted, unweighted = (
        model.evaluate(numbered(6), sample_weight=w, verbose=0, return_dict=True)["loss"]
        for w in (0 * weights + 3, None)
    )
    assert weighted > 2 * unweighted


# Logs


@pytest.mark.parametrize("steps", [None, 3])
def test_a_log_added_in_train_step_arrives(steps):
    model = watched(True, steps)
    history = model.fit(numbered(5), batch_size=1, epochs=2, verbose=0).history
    np.testing.assert_allclose(history["learning_rate"], [0.01, 0.01])
    assert {"loss", "elbo"} < set(history)


def test_metrics_of_validation_alone_are_kept_or_spoken_of(tmp_path):
    """`val_iwae` has no training metric, from whose names `CSVLogger` takes its columns."""
    model = watched()
    path = tmp_path / "log.csv"
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        model.fit(
            numbered(4),
            validation_data=(numbered(4),),
            validation_freq=2,
            epochs=2,
            verbose=0,
            callbacks=[keras.callbacks.CSVLogger(path)],
        )
    columns = next(csv.reader(path.read_text().splitlines()))
    assert "val_iwae" in columns or any("iwae" in str(warning.message) for warning in warned)
    assert "iwae" in model.metrics_names


# Networks


class Subclassed(keras.Model):
    def __init__(self, outputs):
        super().__init__()
        self.dense = keras.layers.Dense(outputs)

    def call(self, x):
        return self.dense(x)


def test_networks_subclassed_from_keras_model_and_built_by_a_call():
    networks = Subclassed(2 * LATENT_DIM), Subclassed(INPUT_DIM)
    networks[0](np.zeros((1, INPUT_DIM)))
    networks[1](np.zeros((1, LATENT_DIM)))
    model = VariationalAutoencoder(*networks, num_validation_samples=2, seed=0)
    model.initialize_output_bias(numbered(8))
    assert np.all(np.isfinite(fitted(model, numbered(8), validation_data=(numbered(4),))["loss"]))
    assert model.encode(numbered(3))["loc"].shape == (3, LATENT_DIM)


def test_networks_that_are_not_built_are_refused_in_a_sentence_or_taken():
    try:
        model = VariationalAutoencoder(Subclassed(2 * LATENT_DIM), Subclassed(INPUT_DIM))
    except ValueError as error:
        assert_one_sentence(error, "encoder")
    else:
        fitted(model, numbered(8))


def test_an_encoder_of_images_is_named():
    """Where a vector is wanted, or it is taken."""
    layers = keras.layers.Flatten(), keras.layers.Dense(2 * LATENT_DIM)
    images = network(*layers, inputs=(8, 8, 1))
    flat = network(keras.layers.Dense(64), inputs=(LATENT_DIM,))
    try:
        VariationalAutoencoder(images, flat)
    except ValueError as error:
        assert_one_sentence(error, "encoder", "8, 8, 1")


def test_output_bias_of_a_decoder_that_ends_in_flatten():
    dense, flatten = keras.layers.Dense(INPUT_DIM), keras.layers.Flatten()
    model = VariationalAutoencoder(encoder(), decoder(dense, flatten))
    x = numbered(8)
    model.initialize_output_bias(x)
    means = (x.sum(0, dtype=float) + 1) / (len(x) + 2)
    np.testing.assert_allclose(keras.ops.sigmoid(dense.bias), means, rtol=1e-5)


def test_output_bias_of_a_decoder_without_one_is_refused_in_a_sentence():
    last = keras.layers.Dense(INPUT_DIM, use_bias=False)
    model = VariationalAutoencoder(encoder(), decoder(last))
    with pytest.raises(ValueError, match="bias") as raised:
        model.initialize_output_bias(numbered(8))
    assert_one_sentence(raised.value)


@pytest.mark.parametrize(
    "last",
    [
        lambda: [keras.layers.Dense(INPUT_DIM, "sigmoid")],
        lambda: [keras.layers.Dense(INPUT_DIM), keras.layers.Activation("sigmoid")],
        lambda: [keras.layers.Dense(INPUT_DIM, "sigmoid"), keras.layers.Reshape((INPUT_DIM,))],
    ],
    ids=["dense", "activation", "reshaped"],
)
def test_a_decoder_that_ends_in_sigmoid_is_spoken_of(last):
    """The Bernoulli likelihood takes logits."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            VariationalAutoencoder(encoder(), decoder(*last()))
        except ValueError as error:
            assert_one_sentence(error, "sigmoid")
            return
    messages = [str(warning.message) for warning in warned]
    assert any("sigmoid" in message or "probabilities" in message for message in messages)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_everything_frozen(jit_compile):
    """As in Keras: a warning, the losses, and weights that stay."""
    model = watched()
    model.trainable = False
    model.compile("sgd", jit_compile=jit_compile)
    weights = [variable.numpy() for variable in model.decoder.weights]
    with pytest.warns(UserWarning, match="trainable weights"):
        history = model.fit(numbered(4), batch_size=2, epochs=2, verbose=0).history
    assert np.all(np.isfinite(history["loss"]))
    for before, after in zip(weights, model.decoder.weights, strict=True):
        np.testing.assert_array_equal(before, after)


def test_the_encoder_frozen():
    model = watched()
    model.encoder.trainable = False
    model.compile("sgd", jit_compile=False)
    weights = [[variable.numpy() for variable in n.weights] for n in (model.encoder, model.decoder)]
    model.fit(numbered(4), verbose=0)
    same = [
        all(map(np.array_equal, before, network.weights))
        for before, network in zip(weights, (model.encoder, model.decoder), strict=True)
    ]
    assert same == [True, False]


# Backups


def backed_up(folder, epochs, dtype=None, build=False, model=None):
    if model is None:
        model = small_model("dvae", num_validation_samples=2, dtype=dtype)
        model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    if build:
        model.optimizer.build(model.trainable_variables)
    callbacks = [] if folder is None else [BackupAndRestore(folder)]
    data = numbered(16)
    history = model.fit(data, batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks).history
    return model, history


@pytest.mark.parametrize("build", [(False, False), (True, True), (False, True), (True, False)])
@pytest.mark.parametrize("dtype", [None, "mixed_float16"])
def test_backups_resume(dtype, build, tmp_path):
    """With the optimizer built before `fit` or by it, in either of the two runs."""
    expected, expected_history = backed_up(None, 3, dtype)
    backed_up(tmp_path, 2, dtype, build[0])
    resumed, history = backed_up(tmp_path, 3, dtype, build[1])
    np.testing.assert_allclose(history["loss"], expected_history["loss"], rtol=1e-6)
    for actual, value in zip(resumed.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(actual, value)
    assert int(resumed.optimizer.iterations) == int(expected.optimizer.iterations)


@pytest.mark.parametrize("dtype", [None, "mixed_float16"])
def test_the_same_cell_run_twice(dtype, tmp_path):
    """The second time nothing is left to do; with more epochs the rest is done."""
    expected, _ = backed_up(None, 3, dtype)
    model, _ = backed_up(tmp_path, 2, dtype)
    weights = model.get_weights()
    model, history = backed_up(tmp_path, 2, dtype, model=model)
    assert len(history["loss"]) <= 2
    for actual, value in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(actual, value)
    model, _ = backed_up(tmp_path, 3, dtype, model=model)
    for actual, value in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(actual, value)


# Networks that change after an evaluation


def log_likelihoods(model):
    return air_tf.evaluation.importance_log_likelihood(
        model, numbered(6), 4, seed=0, progress=False
    ).per_example


def exchange_encoder(model):
    model.encoder = small_model(seed=7).encoder


def exchange_decoder(model):
    model.decoder = small_model(seed=7).decoder


def quantize(model):
    model.decoder.layers[-1].kernel.assign(10 * model.decoder.layers[-1].kernel)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras does not quantize an input layer, and says so
        model.decoder.quantize("int8")


def change_dtype(model):
    for layer in model.decoder.layers:
        layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")


@pytest.mark.parametrize("change", [exchange_encoder, exchange_decoder, quantize, change_dtype])
def test_evaluations_use_the_networks_as_they_are(change):
    model = small_model()
    before = log_likelihoods(model)
    change(model)
    fresh = VariationalAutoencoder(model.encoder, model.decoder, seed=0)
    after = log_likelihoods(model)
    assert not np.array_equal(after, before)
    np.testing.assert_allclose(after, log_likelihoods(fresh), rtol=1e-5)


def test_programs_of_networks_that_are_gone_are_freed():
    def programs():
        gc.collect()
        return sum(isinstance(thing, ConcreteFunction) for thing in gc.get_objects())

    model = small_model()
    log_likelihoods(model)
    first = programs()
    for seed in (1, 2, 3):
        model.encoder = small_model(seed=seed).encoder
        log_likelihoods(model)
    assert programs() <= first
