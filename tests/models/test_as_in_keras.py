"""What Keras's users know and do with a model: inputs, arguments and orders of calls."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import air_tf
from tests.conftest import INPUT_DIM, LATENT_DIM, compiled, small_model


def test_predict_before_and_after_fit(x):
    """Every row, in order, whatever S is: 32 = 4·7 + 4 examples."""
    model = compiled()
    for _ in range(2):
        predicted = model.predict(x, batch_size=7, verbose=0)
        np.testing.assert_allclose(predicted, model(x), rtol=1e-5)
        model.predict_on_batch(x[:5])
        model.fit(x, batch_size=7, verbose=0)
        assert model.steps_per_execution == 5
    predicted = model.predict(x, batch_size=7, verbose=0)
    np.testing.assert_allclose(predicted, model(x), rtol=1e-5)


@pytest.mark.parametrize("kind", ["arrays", "dataset"])
def test_class_weight_multiplies_the_loss(kind, x):
    """As sample weights that are the weights of the classes."""
    y, class_weight = np.arange(32) % 2, {0: 0.5, 1: 2.0}
    options = {"shuffle": False, "verbose": 0}
    weights = np.where(y == 0, 0.5, 2.0)
    expected = compiled().fit(x, sample_weight=weights, batch_size=8, **options).history
    if kind == "dataset":
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
        history = compiled().fit(data, class_weight=class_weight, **options).history
    else:
        options |= {"class_weight": class_weight, "batch_size": 8}
        history = compiled().fit(x, y, **options).history
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-5)


@pytest.mark.parametrize(
    "options", [{"loss": "mse"}, {"metrics": ["mae"]}, {"weighted_metrics": ["mae"]}]
)
def test_compile_refuses_what_would_not_be_used(options):
    with pytest.raises(ValueError, match=f"Received: {next(iter(options))}="):
        small_model().compile("adam", **options)


def test_a_loaded_model_chooses_its_steps_as_the_saved_one(x, tmp_path):
    for steps, expected in ((None, 4), (2, 2)):
        model = compiled(steps_per_execution=steps, jit_compile="auto")
        model.fit(x, batch_size=8, verbose=0)
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        assert loaded.jit_compile == model.jit_compile
        loaded.fit(x, batch_size=8, verbose=0)
        assert loaded.steps_per_execution == model.steps_per_execution == expected
    small_model().save(tmp_path / "model.keras")
    assert not keras.saving.load_model(tmp_path / "model.keras").compiled


@pytest.mark.parametrize("estimator", ["standard", "resampled", "stl", "dreg"])
def test_networks_train_and_evaluate_each_in_its_way(estimator, x):
    """Batch normalization, in encoder and decoder: moments move in training and there alone."""

    def network(width, outputs):
        layers = [keras.layers.Dense(6, "tanh"), keras.layers.BatchNormalization()]
        return keras.Sequential([keras.Input((width,)), *layers, keras.layers.Dense(outputs)])

    model = air_tf.models.VariationalAutoencoder(
        network(INPUT_DIM, 2 * LATENT_DIM),
        network(LATENT_DIM, INPUT_DIM),
        num_importance_samples=3,
        gradient_estimator=estimator,
        seed=0,
    )
    model.compile(run_eagerly=True)
    moments = [n.layers[1].moving_mean for n in (model.encoder, model.decoder)]
    model.evaluate(x, verbose=0)
    air_tf.evaluation.importance_log_likelihood(model, x, num_samples=2, progress=False)
    assert all(np.all(moment == 0) for moment in moments)
    model.fit(x, batch_size=8, verbose=0)
    assert all(np.all(moment != 0) for moment in moments)


class Batches(keras.utils.PyDataset):
    """Batches of 8; the epochs that began and ended are counted."""

    def __init__(self, x):
        super().__init__(workers=2)
        self.x, self.begun, self.ended = x, 0, 0

    def __len__(self):
        return len(self.x) // 8

    def __getitem__(self, index):
        return (self.x[8 * index : 8 * index + 8],)

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        self.ended += 1


def as_generator(x):
    return ((x[start : start + 8],) for start in range(0, 32, 8))


class Frame:
    """What NumPy can make an array of, as a `pandas.DataFrame` is."""

    def __init__(self, x):
        self._x = x

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._x, dtype)


@pytest.mark.parametrize("make", [Batches, as_generator, Frame])
def test_pixels_are_checked_wherever_they_come_from(make, x):
    model = compiled(jit_compile=False)
    data = make(x)
    expected = compiled(jit_compile=False).fit(x, batch_size=8, shuffle=False, verbose=0)
    options = {Frame: {"batch_size": 8}, as_generator: {"steps_per_epoch": 4}}.get(make, {})
    history = model.fit(data, shuffle=False, verbose=0, **options)
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], rtol=1e-5)
    if make is Batches:
        assert data.begun >= 1
        assert data.ended >= 1  # Keras ends the last epoch twice
    for spoilt in (np.where(np.arange(32)[:, np.newaxis] == row, 137, x) for row in (0, 31)):
        refused = pytest.raises((ValueError, tf.errors.OpError), match="binary pixels")
        with refused:
            model.fit(make(spoilt), shuffle=False, verbose=0, **options)
        with refused:
            model.evaluate(make(spoilt), verbose=0)


def test_batches_given_one_by_one_are_checked(x):
    model = compiled(jit_compile=False)
    for method in (model.train_on_batch, model.test_on_batch, model.predict_on_batch):
        method(x[:5])
        with pytest.raises(ValueError, match="binary pixels"):
            method(x[:5] * 3)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_users_own_metric_and_log(jit_compile, x):
    """Of a subclass, with several steps in an execution: reset in each epoch, and in the logs."""

    class Counting(air_tf.VariationalAutoencoder):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seen = keras.metrics.Sum("seen")

        def train_step(self, data):
            logs = super().train_step(data)
            self.seen.update_state(tf.ones(tf.shape(data)[0]))
            return {
                **logs,
                "seen": self.seen.result(),
                "pixels": tf.reduce_sum(tf.cast(data, "int32")),
            }

    twin = small_model()
    model = Counting(encoder=twin.encoder, decoder=twin.decoder, seed=0)
    model.compile("sgd", jit_compile=jit_compile, steps_per_execution=3)
    history = model.fit(
        x, batch_size=8, epochs=2, validation_data=(x,), shuffle=False, verbose=0
    ).history
    assert history["seen"] == [32, 32]
    assert history["pixels"] == [x[24:].sum()] * 2  # what a step returns is the last one's
    assert "val_seen" not in history
    assert model.metrics_names == ["loss", "elbo", "iwae", "seen"]
    model.compile("sgd")
    assert model.metrics_names == ["loss", "elbo", "iwae", "seen"]


def test_labels_that_are_text_are_left_out(x):
    compiled(jit_compile=False).fit(x, np.full(32, "cat"), verbose=0)


def test_export_names_the_function_that_exports(tmp_path):
    with pytest.raises(ValueError, match=r"air_tf\.export_saved_model"):
        small_model().export(tmp_path / "model")
