"""Searches over one's own arrays and networks, as KerasTuner users write them."""

import gc

import keras
import keras_tuner
import numpy as np
import pytest

import air_tf
import tuning
from trainers.train_config import TrainConfig
from tuning import AIRHyperModel, ConfigHyperModel, report, space

DIGITS = air_tf.datasets.load("digits")
X, VALIDATION = DIGITS.train[:100], DIGITS.validation[:50]
SMALL = {"latent_dim": 2, "encoder_units": (8,), "decoder_units": (8,)}
SIGMAS = (0.1, 0.4)
TUNERS = [
    keras_tuner.GridSearch,
    keras_tuner.RandomSearch,
    keras_tuner.BayesianOptimization,
    keras_tuner.Hyperband,
    tuning.BayesianOptimization,
    tuning.Hyperband,
]
pytestmark = pytest.mark.filterwarnings("ignore:keras_tuner.GridSearch cannot resume")


class Killed(BaseException):
    """KerasTuner does not catch it."""


@pytest.fixture(autouse=True)
def _eagerly(monkeypatch):
    """Trains a few batches without programs, which take longer to make than to run."""
    compile_model = air_tf.VariationalAutoencoder.compile

    def compile_eagerly(self, *args, **options):
        compile_model(self, *args, **{**options, "jit_compile": False, "run_eagerly": True})

    monkeypatch.setattr(air_tf.VariationalAutoencoder, "compile", compile_eagerly)
    monkeypatch.setattr(gc, "collect", lambda *args: 0)  # half a second for each model


def dvae(**options):
    arguments = {"input_shape": (64,), "grid": {"noise_stddev": SIGMAS}, **SMALL, **options}
    return AIRHyperModel("dvae", **arguments)


def made(tuner_class, hypermodel, folder, **options):
    number = {"max_epochs": 2} if "Hyperband" in tuner_class.__name__ else {"max_trials": 2}
    number = {} if tuner_class is tuning.GridSearch else number
    options = {"directory": folder, "seed": 3, **number, **options}
    return tuner_class(hypermodel, hypermodel.objective, **options)


def searched(tuner, **options):
    options = {"epochs": 2, "batch_size": 50, "verbose": 0, **options}
    tuner.search(X, validation_data=(VALIDATION,), **options)
    return tuner


def own_networks(width, noise_stddev=0.2, seed=None):
    encoder = keras.Sequential(
        [
            keras.Input((64,)),
            air_tf.layers.NoiseInjection(noise_stddev, seed=seed),
            keras.layers.Dense(width, activation="relu"),
            keras.layers.Dense(4),
        ]
    )
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(64)])
    return air_tf.VariationalAutoencoder(encoder, decoder, seed=seed)


def plain_loop(build, seed, epochs=2, validation=True, **options):
    """The best `val_iwae` of a training without a tuner."""
    keras.utils.set_random_seed(seed)
    model = build(seed)
    model.compile(keras.optimizers.Adam(options.pop("learning_rate", 1e-3)))
    keras.utils.set_random_seed(seed)
    history = model.fit(
        X, epochs=epochs, batch_size=50, validation_data=(VALIDATION,), verbose=0, **options
    )
    return max(history.history["val_iwae"])


def scores(tuner, name="noise_stddev"):
    trials = tuner.oracle.trials.values()
    assert all(trial.status == "COMPLETED" for trial in trials)
    return {trial.hyperparameters.values[name]: trial.score for trial in trials}


@pytest.mark.parametrize("tuner_class", [keras_tuner.GridSearch, tuning.GridSearch])
def test_the_scores_are_those_of_a_plain_loop(tuner_class, tmp_path):
    """Over two seeds, with a callback and a learning rate of the user's."""
    hypermodel = dvae(learning_rate=1e-2, seed=5)
    tuner = made(tuner_class, hypermodel, tmp_path, executions_per_trial=2)
    searched(tuner, callbacks=[air_tf.callbacks.EarlyStopping(1)])
    expected = {}
    for sigma in SIGMAS:
        bounds = [
            plain_loop(
                lambda s, sigma=sigma: air_tf.create_model(
                    "dvae", 64, **SMALL, noise_stddev=sigma, seed=s
                ),
                seed,
                learning_rate=1e-2,
                callbacks=[air_tf.callbacks.EarlyStopping(1)],
            )
            for seed in (5, 6)
        ]
        assert bounds[0] != bounds[1]
        expected[sigma] = np.mean(bounds)
    assert scores(tuner) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("tuner_class", TUNERS)
def test_every_tuner(tuner_class, tmp_path):
    """Two seeds differ, in the second bracket of Hyperband too, and the best model is there."""
    hypermodel = dvae(grid=None, ranges={"noise_stddev": (0.1, 0.5), "encoder_width": (4, 6)})
    found, fit = [], hypermodel.fit

    def noted(hp, model, *args, **options):
        history = fit(hp, model, *args, **options)
        found.append((model.seed, history.history["val_iwae"], history.history["loss"]))
        return history

    hypermodel.fit = noted
    tuner = searched(made(tuner_class, hypermodel, tmp_path, executions_per_trial=2), shuffle=False)
    pairs = list(zip(found[::2], found[1::2], strict=True))
    assert len(pairs) == len(tuner.oracle.trials) >= 2
    for pair in pairs:
        assert all(first != second for first, second in zip(*pair, strict=True))
    (model,) = tuner.get_best_models()
    assert model.observation_shape == (64,)


@pytest.mark.parametrize("frequency", [1, 2])
@pytest.mark.parametrize("tuner_class", [keras_tuner.RandomSearch, tuning.RandomSearch])
def test_the_best_model_has_the_weights_of_the_best_epoch(tuner_class, frequency, tmp_path):
    """Also if an epoch without a validation comes after it."""
    tuner = made(tuner_class, dvae(learning_rate=0.3), tmp_path, max_trials=1)
    best = []

    class Weights(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if "val_iwae" in logs:
                best.append((logs["val_iwae"], self.model.encoder.get_weights()))

        def __deepcopy__(self, memo):
            return self

    searched(tuner, epochs=7, validation_freq=frequency, callbacks=[Weights()])
    bounds = [bound for bound, _ in best]
    assert len(best) == 7 // frequency
    assert np.argmax(bounds) < len(bounds) - 1 or frequency == 2
    assert scores(tuner) == {next(iter(scores(tuner))): pytest.approx(max(bounds))}
    (model,) = tuner.get_best_models()
    for weight, expected in zip(
        model.encoder.get_weights(), best[np.argmax(bounds)][1], strict=True
    ):
        np.testing.assert_array_equal(weight, expected)
    if tuner_class is tuning.RandomSearch:
        path = next(tmp_path.rglob("executions.json"))
        (record,) = report.read(path)
        assert record["best_epoch"] == frequency * (np.argmax(bounds) + 1)


def test_what_search_is_given_reaches_fit(tmp_path):
    """Positional targets, which are not used, and weights of the examples."""
    weights = np.linspace(0.0, 2.0, len(X))
    hypermodel = dvae(grid={"noise_stddev": (0.2,)})
    tuner = made(keras_tuner.RandomSearch, hypermodel, tmp_path, max_trials=1)
    options = {"batch_size": 50, "epochs": 1, "verbose": 0, "sample_weight": weights}
    tuner.search(X, None, validation_data=(VALIDATION,), **options)
    expected = plain_loop(
        lambda seed: air_tf.create_model("dvae", 64, **SMALL, noise_stddev=0.2, seed=seed),
        0,
        epochs=1,
        sample_weight=weights,
    )
    assert scores(tuner) == pytest.approx({0.2: expected}, rel=1e-6)


def test_a_killed_search_resumes(tmp_path, monkeypatch):
    """It ends with the same numbers and weights, and does no epoch twice."""
    options = {"executions_per_trial": 2}
    untouched = searched(made(tuning.GridSearch, dvae(), tmp_path / "a", **options))
    hypermodel, epochs = dvae(), []
    hypermodel.backup_seconds = 0.0
    write = air_tf.callbacks.BackupAndRestore._write

    def killed(self, number):
        write(self, number)
        epochs.append(number)
        if len(epochs) == 3:  # after the first epoch of the second trial's first execution
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(air_tf.callbacks.BackupAndRestore, "_write", killed)
        with pytest.raises(Killed):
            searched(made(tuning.GridSearch, hypermodel, tmp_path / "b", **options))
    assert list(tmp_path.rglob("backups/0/*.npz"))
    tuner = searched(made(tuning.GridSearch, dvae(), tmp_path / "b", **options))
    assert scores(tuner) == scores(untouched)
    for weight, expected in zip(
        tuner.get_best_models()[0].get_weights(),
        untouched.get_best_models()[0].get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(weight, expected)


def test_a_search_of_keras_tuner_begins_a_killed_trial_again(tmp_path, monkeypatch):
    """And an interrupt in a second execution leaves nothing behind in the hypermodel."""
    options = {"executions_per_trial": 2}
    untouched = searched(made(keras_tuner.RandomSearch, dvae(), tmp_path / "a", **options))
    fit, fits, hypermodel = air_tf.VariationalAutoencoder.fit, [], dvae()

    def killed(self, *args, **options):
        fits.append(self)
        if len(fits) == 4:
            raise Killed
        return fit(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(air_tf.VariationalAutoencoder, "fit", killed)
        with pytest.raises(Killed):
            searched(made(keras_tuner.RandomSearch, hypermodel, tmp_path / "b", **options))
    tuner = searched(made(keras_tuner.RandomSearch, hypermodel, tmp_path / "b", **options))
    assert scores(tuner) == scores(untouched)


@pytest.mark.parametrize("tuner_class", [keras_tuner.RandomSearch, tuning.RandomSearch])
def test_own_networks(tuner_class, tmp_path):
    """Without a seed, and not compiled; the learning rate is not for `build`."""

    def build(width):
        return own_networks(width)

    hypermodel = AIRHyperModel(build, grid={"width": (4, 8), "learning_rate": (1e-2,)})
    tuner = searched(made(tuner_class, hypermodel, tmp_path))
    expected = {
        width: plain_loop(lambda seed, w=width: own_networks(w), 0, learning_rate=1e-2)
        for width in (4, 8)
    }
    assert scores(tuner, "width") == pytest.approx(expected, rel=1e-6)
    (model,) = tuner.get_best_models()
    assert model.encoder.layers[1].units in (4, 8)


def test_own_networks_that_are_compiled_and_take_all(tmp_path):
    given = []

    def build(seed, **hyperparameters):
        given.append({"seed": seed, **hyperparameters})
        model = own_networks(hyperparameters["width"], seed=seed)
        model.compile(keras.optimizers.SGD(hyperparameters["rate"]), jit_compile=False)
        return model

    hypermodel = AIRHyperModel(build, ranges={"rate": (1e-3, 1e-1)}, width=4, seed=2)
    tuner = made(keras_tuner.RandomSearch, hypermodel, tmp_path, executions_per_trial=2)
    searched(tuner)
    rates = scores(tuner, "rate")
    assert {"seed": 3, "width": 4, "rate": next(iter(rates))} in given
    assert isinstance(tuner.get_best_models()[0].optimizer, keras.optimizers.SGD)


@pytest.mark.parametrize("tuner_class", [keras_tuner.RandomSearch, tuning.RandomSearch])
def test_executions_that_would_repeat_are_refused(tuner_class, tmp_path):
    def build(width):
        return own_networks(width, seed=0)

    hypermodel = AIRHyperModel(build, grid={"width": (4, 8)})
    tuner = made(tuner_class, hypermodel, tmp_path, executions_per_trial=2)
    with pytest.raises(ValueError, match=r"must have models of different seeds.*Received: seed=0"):
        searched(tuner)
    searched(made(tuner_class, hypermodel, tmp_path, overwrite=True))


def test_images(tmp_path):
    x, validation = (part.reshape(-1, 8, 8, 1) for part in (X, VALIDATION))
    hypermodel = AIRHyperModel(
        "dwni_vae",
        input_shape=x.shape[1:],
        architecture="conv",
        noise_kind="masking",
        grid={"noise_stddev": (0.2,), "max_norm": (1.0,), "encoder_width": (8,)},
        **SMALL,
    )
    tuner = made(keras_tuner.RandomSearch, hypermodel, tmp_path, max_trials=1)
    tuner.search(x, epochs=1, validation_data=(validation,), verbose=0)
    (model,) = tuner.get_best_models()
    assert model.sample(2, seed=0).shape == (2, 8, 8, 1)
    assert model.encoder.layers[0].kind == "masking"


def test_another_likelihood_and_another_bound(tmp_path):
    x = np.random.default_rng(0).normal(size=(100, 3)).astype("float32")
    hypermodel = AIRHyperModel(
        "vae",
        input_dim=3,
        likelihood="gaussian",
        monitor="val_elbo",
        grid={"activation": ("tanh", "relu")},
        **SMALL,
    )
    tuner = made(tuning.GridSearch, hypermodel, tmp_path)
    tuner.search(x, epochs=1, validation_data=(x,), verbose=0)
    assert set(scores(tuner, "activation")) == {"tanh", "relu"}
    likelihood = tuner.get_best_models()[0].likelihood
    assert isinstance(likelihood, air_tf.distributions.GaussianLikelihood)


def test_keras_tuners_may_have_another_objective(tmp_path):
    tuner = keras_tuner.RandomSearch(dvae(), "val_loss", max_trials=2, directory=tmp_path)
    searched(tuner)
    assert tuner.get_best_models()


@pytest.mark.parametrize("name", air_tf.list_models())
def test_the_default_grid_has_the_strengths_of_the_model(name):
    has = set()
    for strength, value in {"noise_stddev": 0.3, "max_norm": 1.5}.items():
        try:
            air_tf.create_model(name, 4, **SMALL, **{strength: value})
            has.add(strength)
        except ValueError:
            pass
    if has:
        grid = AIRHyperModel(name, input_dim=4, **SMALL).grid
        assert grid == {strength: space.DEFAULT_GRIDS[strength] for strength in has}
        config = ConfigHyperModel(TrainConfig("digits", name, ""))
        assert config.grid == grid
    else:
        with pytest.raises(ValueError, match="has no strength left to search"):
            AIRHyperModel(name, input_dim=4)


def test_a_fixed_strength_is_not_searched():
    hypermodel = AIRHyperModel("dwni_vae", input_dim=4, noise_stddev=0.3)
    assert set(hypermodel.grid) == {"max_norm"}
    assert hypermodel.build(keras_tuner.HyperParameters()).encoder.layers[0].stddev == 0.3


def test_a_config_gives_the_search_over_configs():
    config = TrainConfig("digits", "dvae", "")
    assert type(AIRHyperModel(config)) is ConfigHyperModel


GRID = {"noise_stddev": SIGMAS}


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("dvea", {"grid": GRID}, "`model` must be one of .*did you mean 'dvae'"),
        (3, {"grid": GRID}, "`model` must be a name, a function"),
        ("dvae", {"grid": GRID, "inputshape": (3,)}, "did you mean 'input_shape'"),
        ("dvae", {"grid": {"noise_std": (0.1,)}}, "did you mean 'noise_stddev'"),
        ("dvae", {"grid": {"noise_stddev": (-0.1,)}}, "`noise_stddev` must be"),
        ("dvae", {"grid": {"noise_stddev": ()}}, "must be a sequence of values"),
        ("dvae", {"grid": {"noise_stddev": 0.1}}, "must be a sequence of values"),
        ("dvae", {"grid": {"activation": ("relu", 1)}}, "must be of one type"),
        ("dvae", {"grid": {"activation": (None,)}}, "must be a number, a text or a bool"),
        ("dvae", {"ranges": {"activation": ("a", "b")}}, "must be .low, high."),
        ("dvae", {"grid": GRID, "noise_stddev": 0.1}, "A fixed value or a space, not both"),
        ("dvae", {"grid": GRID, "seed": -1}, "`seed` must be an integer"),
        ("dvae", {"grid": GRID, "learning_rate": 0}, "`learning_rate` must be"),
        (own_networks, {}, "needs a grid or ranges"),
        (own_networks, {"grid": {"widht": (4,)}}, "did you mean 'width'"),
    ],
)
def test_rejects(model, options, message):
    with pytest.raises(ValueError, match=message):
        AIRHyperModel(model, **options)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("dvae", {"grid": GRID, "input_dim": 3, "max_norm": 1.0}, "has no `max_norm`"),
        (lambda width: keras.Sequential(), {"grid": {"width": (4,)}}, "`build` must return"),
        (
            lambda width: (m := own_networks(width)).compile() or m,
            {"grid": {"width": (4,), "learning_rate": (0.1,)}},
            "`build` must take it",
        ),
    ],
)
def test_the_tuner_rejects_what_cannot_be_built(model, options, message, tmp_path):
    hypermodel = AIRHyperModel(model, **options)
    with pytest.raises(ValueError, match=message):
        made(keras_tuner.RandomSearch, hypermodel, tmp_path)


@pytest.mark.parametrize("tuner_class", [keras_tuner.RandomSearch, tuning.RandomSearch])
@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (X + 2, {"validation_data": (VALIDATION,)}, "Received"),
        (X[:, :5], {"validation_data": (VALIDATION,)}, "`x` must be an array .N, 64."),
        (X, {}, "must have the objective.*give `search` `validation_data`"),
        (X, {"epoch": 3}, "unexpected keyword argument 'epoch'"),
    ],
)
def test_search_ends_with_an_error_that_is_not_of_the_trial(
    tuner_class, x, options, message, tmp_path
):
    with pytest.raises((ValueError, TypeError), match=message):
        made(tuner_class, dvae(), tmp_path).search(x, verbose=0, **options)


@pytest.mark.parametrize("tuner_class", [keras_tuner.RandomSearch, tuning.GridSearch])
def test_a_trial_that_diverges_has_failed(tuner_class, tmp_path):
    hypermodel = dvae(grid={"learning_rate": (1e-3, 1e30)}, noise_stddev=0.1)
    tuner = searched(made(tuner_class, hypermodel, tmp_path))
    status = {
        t.hyperparameters.values["learning_rate"]: t.status for t in tuner.oracle.trials.values()
    }
    assert status == {1e-3: "COMPLETED", 1e30: "FAILED"}
