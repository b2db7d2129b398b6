"""The training step: what it computes, on which inputs, and how it follows Keras."""

import itertools
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import air_tf
from air_tf import prng
from tests.conftest import INPUT_DIM, compiled, small_model


def many_bounds(model, x, repeats=1500):
    """Training bound averaged over many draws, `[B]`, and its standard error."""
    tiled = np.tile(x, [repeats, 1])
    bound, _ = air_tf.objectives.training_bound(model, tiled, prng.as_seed(5))
    bound = bound.numpy().reshape(repeats, len(x))
    return bound.mean(0), bound.std(0) / np.sqrt(repeats)


def test_noise_reaches_the_encoder_and_never_the_likelihood(x):
    seen = []

    @keras.saving.register_keras_serializable(package="test")
    class Spy(air_tf.distributions.BernoulliLikelihood):
        def distribution(self, logits):
            p = super().distribution(logits)
            log_prob = p.log_prob
            p.log_prob = lambda x: seen.append(x) or log_prob(x)
            return p

    model = small_model("dvae", noise_stddev=3.0, likelihood=Spy())
    noisy = model.posterior_outputs(x, training=True)
    clean = model.posterior_outputs(x, training=False)
    assert np.all(np.max(np.abs(noisy - clean), axis=1) > 1e-3)
    air_tf.objectives.training_bound(model, x, prng.as_seed(0))
    np.testing.assert_array_equal(seen[0], x)
    keras.saving.get_custom_objects().pop("test>Spy")


def test_one_noise_for_an_examples_k_samples_and_one_for_each_of_m_bounds(x):
    drawn = []
    model = small_model("diwae", num_importance_samples=5, num_monte_carlo_samples=3)
    layer = model.encoder.layers[0]
    call = layer.call
    layer.call = lambda *args, **kwargs: drawn.append(call(*args, **kwargs)) or drawn[-1]
    air_tf.objectives.training_bound(model, x, prng.as_seed(0))
    assert len(drawn) == 1
    inputs = drawn[0].numpy().reshape(3, len(x), INPUT_DIM)
    assert not np.any(np.all(inputs[0] == inputs[1], axis=-1))


def test_an_encoder_that_draws_nothing_is_asked_once_for_all_m_bounds(x):
    """Noise of σ = 0 takes the other way, of m copies: the same bound and gradients."""
    copying = small_model("dvae", noise_stddev=0.0, num_monte_carlo_samples=3)
    sharing = small_model("vae", num_monte_carlo_samples=3)
    sharing.set_weights(copying.get_weights())
    results, rows = [], []
    for model in (copying, sharing):
        encode = model.encoder.call
        model.encoder.call = lambda x, encode=encode, **kwargs: (
            rows.append(len(x)) or encode(x, **kwargs)
        )
        with tf.GradientTape() as tape:
            bound, elbo = air_tf.objectives.training_bound(model, x, prng.as_seed(0))
        results.append([bound, elbo, *tape.gradient(bound, model.trainable_weights)])
    assert rows == [3 * len(x), len(x)]
    for copied, once in zip(*results, strict=True):
        np.testing.assert_allclose(copied, once, rtol=1e-4, atol=1e-4)


def test_coin_and_mixture_forms_agree(x):
    """Eq. 16: equal in expectation, to 4 s.e. in each example."""
    options = {"noise_stddev": 1.5, "denoising_weight": 0.3}
    coin = small_model("dvae", denoising_form="coin", **options)
    mixture = small_model("dvae", denoising_form="mixture", **options)
    (a, a_error), (b, b_error) = many_bounds(coin, x[:8]), many_bounds(mixture, x[:8])
    assert np.all(np.abs(a - b) < 4 * np.hypot(a_error, b_error))
    # and both are the convex combination of the fully noisy and the clean bound
    noisy, noisy_error = many_bounds(small_model("dvae", noise_stddev=1.5), x[:8])
    clean, clean_error = many_bounds(small_model("dvae", noise_stddev=0.0), x[:8])
    error = np.hypot(0.3 * noisy_error, 0.7 * clean_error)
    assert np.all(np.abs(a - (0.3 * noisy + 0.7 * clean)) < 4 * np.hypot(a_error, error))


def test_monte_carlo_samples_average_independent_bounds(x):
    one, one_error = many_bounds(small_model("iwae"), x[:8])
    three, three_error = many_bounds(small_model("iwae", num_monte_carlo_samples=3), x[:8])
    assert np.all(np.abs(one - three) < 4 * np.hypot(one_error, three_error))
    ratio = np.mean(one_error**2) / np.mean(three_error**2)
    assert 2.5 < ratio < 3.5


def test_analytic_kl_has_the_same_mean(x):
    a, a_error = many_bounds(small_model("vae"), x[:8])
    b, b_error = many_bounds(small_model("vae", analytic_kl=True), x[:8])
    assert np.all(np.abs(a - b) < 4 * np.hypot(a_error, b_error))


def test_a_step_is_gradient_descent_on_the_mean_bound(x):
    model = compiled("iwae", jit_compile=False)
    twin = small_model("iwae")
    with tf.GradientTape() as tape:
        bound, _ = air_tf.objectives.training_bound(twin, x, prng.next_seed(twin.seed_generator))
        loss = -tf.reduce_mean(bound)
    gradients = tape.gradient(loss, twin.trainable_weights)
    logs = model.train_on_batch(x, return_dict=True)
    np.testing.assert_allclose(logs["loss"], loss, rtol=1e-5)
    for after, before, gradient in zip(
        model.trainable_weights, twin.trainable_weights, gradients, strict=True
    ):
        np.testing.assert_allclose(after, before - 0.1 * gradient, rtol=1e-4, atol=1e-6)


def test_sample_weight_multiplies_the_loss(x):
    """Weight 0 removes an example, weight 2 counts it twice, as in Keras."""
    weights = np.arange(len(x)) % 3
    model, twin = compiled(jit_compile=False), small_model()
    bound, elbo = air_tf.objectives.training_bound(twin, x, prng.next_seed(twin.seed_generator))
    logs = model.train_on_batch(x, sample_weight=weights.astype("float32"), return_dict=True)
    np.testing.assert_allclose(logs["loss"], np.mean(-bound * weights), rtol=1e-5)
    np.testing.assert_allclose(logs["elbo"], np.average(elbo, weights=weights), rtol=1e-5)


def test_epoch_loss_counts_examples_not_batches(x):
    """A short last batch (32 = 3·10 + 2) weighs by its examples; learning rate 0 isolates it."""
    model = compiled(optimizer=keras.optimizers.SGD(0.0), jit_compile=False)
    twin = compiled(optimizer=keras.optimizers.SGD(0.0), jit_compile=False)
    history = model.fit(x, batch_size=10, shuffle=False, verbose=0).history
    losses = [
        twin.train_on_batch(x[i : i + 10], return_dict=True)["loss"] for i in range(0, 32, 10)
    ]
    expected = np.average(losses, weights=[10, 10, 10, 2])
    np.testing.assert_allclose(history["loss"][0], expected, rtol=1e-5)


def test_xla_on_equals_off_within_monte_carlo_error(x):
    tiled = np.tile(x, [200, 1])
    results = []
    for jit_compile in (True, False):
        model = compiled("diwae", keras.optimizers.SGD(0.0), jit_compile)
        model.train_on_batch(tiled, return_dict=True)
        losses = [model.train_on_batch(tiled, return_dict=True)["loss"] for _ in range(8)]
        results.append((np.mean(losses), np.std(losses, ddof=1) / np.sqrt(8)))
    (a, a_error), (b, b_error) = results
    assert abs(a - b) < 4 * np.hypot(a_error, b_error)


def test_validation_is_the_bound_on_clean_input(x):
    """val_loss and val_iwae equal the bounds of many samples of clean log weights, to 5 s.e."""
    model = compiled("diwae", noise_stddev=5.0)
    logs = model.evaluate(np.tile(x, [50, 1]), batch_size=400, verbose=0, return_dict=True)
    log_weights = model.log_weights(x, 6400, seed=0)
    for name, k in (("loss", 4), ("iwae", 64), ("elbo", 1)):
        groups = tf.reshape(log_weights, [k, -1, len(x)])
        bounds = air_tf.objectives.iwae_bound(groups).numpy()
        spread = bounds.std(axis=0).mean() / np.sqrt(50 * len(x) * (64 if k == 1 else 1))
        sign = -1 if name == "loss" else 1
        assert abs(sign * logs[name] - bounds.mean()) < 6 * spread


def test_validation_does_not_change_what_training_draws(x):
    weights = []
    for validation_data in (None, (x,)):
        model = compiled("dvae")
        keras.utils.set_random_seed(0)
        model.fit(x, epochs=2, batch_size=16, validation_data=validation_data, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        if a.dtype.kind == "f":
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", ["uint8", "bool", "float64", "dataset", "generator"])
def test_fit_accepts(kind, x):
    model = compiled()
    if kind == "dataset":
        data = tf.data.Dataset.from_tensor_slices(x).batch(10)
        history = model.fit(data, validation_data=data, shuffle=False, verbose=0).history
        assert "val_iwae" in history
    elif kind == "generator":
        batches = ((x[i : i + 8],) for i in (0, 8, 16))
        history = model.fit(batches, steps_per_epoch=3, shuffle=False, verbose=0).history
    else:
        history = model.fit(x.astype(kind), batch_size=10, verbose=0).history
    assert np.isfinite(history["loss"][0])


def damaged(x, value):
    x = x.astype("float32")
    x[3, 4] = value
    return x


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: damaged(x, np.nan), r"binary pixels \(0 or 1\).*Received: x\[\d, \d\]="),
        (lambda x: damaged(x, 1.5), r"binary pixels \(0 or 1\).*Received: x\[\d, \d\]="),
        (lambda x: damaged(x, -0.1), r"binary pixels \(0 or 1\).*Received: x\[\d, \d\]="),
        (lambda x: x * 255, r"binary pixels \(0 or 1\).*Received: x\[\d, \d\]="),
        (lambda x: damaged(x, 0.5), "binary pixels .* binarize"),
        (lambda x: x[:, :-1], r"\[N, 12\].* Received: x.shape=\(32, 11\)"),
        (lambda x: x[:0], r"N ≥ 1 examples"),
        (lambda x: x.ravel(), r"Received: x.shape"),
        (lambda x: x.astype(str), r"of real numbers"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "encode", "log_weights"])
def test_rejects_pixels(method, make, message, x):
    model = compiled()
    arguments = (make(x), 2) if method == "log_weights" else (make(x),)
    weights = model.get_weights()
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(*arguments)
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_rejects_pixels_of_a_dataset(x):
    model = compiled()
    data = tf.data.Dataset.from_tensor_slices(damaged(x, 0.5)).batch(8)
    with pytest.raises(ValueError, match="binary pixels"):
        model.fit(data, shuffle=False, verbose=0)
    narrow = tf.data.Dataset.from_tensor_slices(x[:, 1:]).batch(8)
    with pytest.raises(ValueError, match=r"\[N, 12\]"):
        model.fit(narrow, shuffle=False, verbose=0)


def test_grey_pixels_suit_the_gaussian_likelihood():
    grey = np.random.default_rng(0).random((16, INPUT_DIM)).astype("float32")
    assert np.isfinite(compiled(likelihood="gaussian").fit(grey, verbose=0).history["loss"][0])


def test_layer_losses_are_part_of_the_loss(x):
    encoder = keras.Sequential(
        [keras.Input((INPUT_DIM,)), keras.layers.Dense(6, kernel_regularizer="l2")]
    )
    plain = small_model()
    decoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(INPUT_DIM)])
    model = air_tf.VariationalAutoencoder(encoder, decoder, seed=0)
    model.compile("sgd", jit_compile=False)
    logs = model.train_on_batch(x, return_dict=True)
    twin_loss = -logs["elbo"]
    penalty = 0.01 * np.sum(np.square(encoder.layers[0].kernel))
    assert plain.losses == []
    # The kernel moved by one small step since the penalty was taken.
    np.testing.assert_allclose(logs["loss"] - twin_loss, penalty, rtol=0.1)


def test_networks_must_fit_together():
    encoder = keras.Sequential([keras.Input((INPUT_DIM,)), keras.layers.Dense(5)])
    decoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(INPUT_DIM)])
    with pytest.raises(ValueError, match=r"`encoder` must have outputs \[B, 6\] .* Received"):
        air_tf.VariationalAutoencoder(encoder, decoder)


def test_output_bias_starts_at_the_mean_logits(x):
    model = small_model()
    model.initialize_output_bias(x)
    mean = (x.sum(0) + 1) / (len(x) + 2)
    bias = model.decoder.layers[-1].bias.numpy()
    np.testing.assert_allclose(1 / (1 + np.exp(-bias)), mean, rtol=1e-5)


def test_optimizer_state_survives_saving(x, tmp_path):
    model = compiled("dvae", keras.optimizers.Adam(0.01))
    model.fit(x, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for a, b in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(loaded.optimizer.iterations) == 2
    loaded.fit(x, verbose=0)
    assert int(loaded.optimizer.iterations) == 3


@pytest.mark.slow
def test_loads_in_a_fresh_process(x, tmp_path):
    model = small_model("dwni_iwae")
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    script = (
        "import sys, numpy as np, keras, air_tf\n"
        "model = keras.saving.load_model(sys.argv[1] + '/model.keras')\n"
        "x = np.load(sys.argv[1] + '/x.npy')\n"
        "np.save(sys.argv[1] + '/out.npy', model.log_weights(x, 4, seed=2))\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), model.log_weights(x, 4, seed=2))


def test_early_stopping_restores_the_best_weights_and_skips_unvalidated_epochs(x):
    model = compiled(optimizer=keras.optimizers.SGD(0.1))
    stopping = air_tf.callbacks.EarlyStopping(patience=2)
    stopping.set_model(model)
    stopping.on_train_begin()
    best = None
    for epoch, value in enumerate([-5.0, None, -3.0, None, -4.0, -3.5]):
        model.decoder.layers[-1].bias.assign(np.full(INPUT_DIM, float(epoch)))
        best = epoch if value == -3.0 else best
        stopping.on_epoch_end(epoch, {} if value is None else {"val_iwae": value})
    assert model.stop_training
    stopping.on_train_end()
    assert model.decoder.layers[-1].bias.numpy()[0] == best == 2


def test_early_stopping_says_that_there_was_no_validation(x):
    model = compiled(jit_compile=False)
    with pytest.warns(UserWarning, match="no `val_iwae`.*validation_data.*Received: elbo, loss"):
        model.fit(x, epochs=2, verbose=0, callbacks=[air_tf.callbacks.EarlyStopping(1)])
    model.fit(x, epochs=0, verbose=0, callbacks=[air_tf.callbacks.EarlyStopping(1)])


def test_early_stopping_by_a_loss_wants_the_lowest(x):
    model = compiled()
    stopping = air_tf.callbacks.EarlyStopping(patience=2, monitor="val_loss")
    stopping.set_model(model)
    stopping.on_train_begin()
    for epoch, value in enumerate([100.0, 90.0, 80.0]):
        stopping.on_epoch_end(epoch, {"val_loss": value})
    assert not model.stop_training
    assert stopping.best_epoch == 2


def test_exponential_decay():
    schedule = air_tf.exponential_decay(1e-3, 200, decay=0.05)
    for i in (0, 50, 200):
        np.testing.assert_allclose(schedule(i), 1e-3 * 0.05 ** (i / 200), rtol=1e-5)
    with pytest.raises(ValueError, match="`total_iterations`"):
        air_tf.exponential_decay(1e-3, 0)


def test_steps_per_execution_changes_nothing(x):
    """Same weights, logs and optimizer steps for S = 1, 3 and 100: 32 = 4·7 + 4 examples."""
    results = []
    for steps in (1, 3, 100):
        model = small_model("diwae")
        model.compile(keras.optimizers.Adam(0.01), steps_per_execution=steps)
        keras.utils.set_random_seed(0)
        sample_weight = np.linspace(0, 2, len(x))
        history = model.fit(
            x, batch_size=7, epochs=2, sample_weight=sample_weight, verbose=0
        ).history
        results.append((model.get_weights(), history, int(model.optimizer.iterations)))
    for weights, history, iterations in results[1:]:
        assert iterations == results[0][2] == 10
        np.testing.assert_allclose(history["loss"], results[0][1]["loss"], rtol=1e-6)
        for a, b in zip(weights, results[0][0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_under_a_strategy_of_one_replica(x):
    """As without a strategy, XLA included."""
    results = []
    for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0"])):
        with strategy.scope():
            model = small_model("dwni_vae")
            model.compile(keras.optimizers.Adam(0.01))
        history = model.fit(x, batch_size=7, epochs=2, validation_data=(x,), verbose=0).history
        results.append((model.get_weights(), history))
    (weights, history), (others, other_history) = results
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    for name in history:
        np.testing.assert_allclose(history[name], other_history[name], rtol=1e-5)


def test_weights_must_be_one_for_each_example(x):
    model = small_model()
    model.compile(jit_compile=False)
    with pytest.raises(ValueError, match="sample_weight' sizes: 33"):
        model.fit(x, sample_weight=np.ones(33), verbose=0)


def test_one_callback_need_not_be_a_list(x):
    model = small_model()
    model.compile(jit_compile=False)
    stop = air_tf.callbacks.TerminateOnNaN()
    assert model.fit(x, verbose=0, callbacks=stop).epoch == [0]


def test_divergence_names_its_batch_of_a_later_epoch(x):
    """The steps of earlier epochs and of validation do not count."""

    class Diverge(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate.assign(1e30 if epoch == 1 else 1e-3)

    model = compiled()
    callbacks = [Diverge(), air_tf.callbacks.TerminateOnNaN()]
    with pytest.raises(FloatingPointError, match="from batch 2 of epoch 2"):
        model.fit(x, batch_size=4, epochs=2, validation_data=(x,), callbacks=callbacks, verbose=0)


def test_many_models_one_after_the_other_bring_no_warning_of_tracing(x, caplog, monkeypatch):
    monkeypatch.setattr(tf.get_logger(), "propagate", True)
    for seed in range(5):
        model = compiled(seed=seed)
        model.fit(x, batch_size=16, verbose=0)
        model.predict(x, batch_size=16, verbose=0)
        air_tf.evaluation.importance_log_likelihood(model, x, num_samples=2, progress=False)
    assert "retracing" not in caplog.text


def test_superbatches_take_batches_of_any_sizes(x):
    """Ragged batches in any order: each example is seen once, in steps of its own batch."""
    sizes = [5, 5, 3, 5, 5, 5, 1, 3]
    bounds = np.cumsum([0, *sizes])

    def batches():
        for start, end in itertools.pairwise(bounds):
            yield x[start:end]

    data = tf.data.Dataset.from_generator(
        batches, output_signature=tf.TensorSpec([None, INPUT_DIM], tf.uint8)
    ).apply(tf.data.experimental.assert_cardinality(len(sizes)))
    model = compiled(optimizer=keras.optimizers.SGD(0.0), steps_per_execution=4)
    model.fit(data, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == len(sizes)
    assert model._bound_tracker.count == sum(sizes)


def test_batch_callbacks_come_once_an_execution(x):
    ends = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ends.append(batch)
    )
    model = compiled(steps_per_execution=3)
    model.fit(x, batch_size=5, callbacks=[callback], verbose=0)
    assert ends == [2, 5, 6] or ends == [2, 5, 8]
    ends.clear()
    model = compiled()  # no S given: a callback that wants batches gets each
    model.fit(x, batch_size=5, callbacks=[callback], verbose=0)
    assert ends == list(range(7))


def test_validation_takes_the_batch_size_of_fit(x):
    """As in Keras: unless `validation_batch_size` says otherwise."""
    ends = []

    class Ends(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            ends.append(batch)

    model = compiled(steps_per_execution=1)
    model.fit(x, batch_size=8, validation_data=(x,), callbacks=[Ends()], verbose=0)
    assert max(ends) == 3


@pytest.mark.parametrize("weighted", [False, True])
def test_validation_split_holds_out_the_last_examples(weighted, x):
    """As in Keras; and with weights, which validation and training share out alike."""
    weights = np.linspace(0, 2, len(x)) if weighted else None
    options = {"batch_size": 8, "shuffle": False, "verbose": 0}
    split = compiled().fit(x, sample_weight=weights, validation_split=0.25, **options).history
    training, validation = (None, None) if weights is None else (weights[:24], weights[24:])
    given = compiled().fit(
        x[:24], sample_weight=training, validation_data=(x[24:], None, validation), **options
    )
    assert split == given.history
    assert "val_iwae" in split
    with pytest.raises(ValueError, match="validation_split"):
        compiled().fit(x, validation_split=1.5, **options)


def test_evaluation_weighs_examples(x):
    """Weight 0 removes an example from the means; superbatches or not."""
    weights = np.repeat([1.0, 0.0], [20, 12])
    kept = compiled().evaluate(x[:20], batch_size=20, verbose=0, return_dict=True)
    for jit_compile in (True, False):
        model = compiled(jit_compile=jit_compile)
        logs = model.evaluate(x, None, 32, 0, sample_weight=weights, return_dict=True)
        assert abs(logs["iwae"] - kept["iwae"]) < 0.5
        assert logs["loss"] == pytest.approx(-logs["elbo"] * 20 / 32, rel=0.05)
