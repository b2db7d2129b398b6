"""The tuners in a script, as users of KerasTuner write it."""

import os

import keras
import keras_tuner
import numpy as np
import pytest

from trainers import train
from tuning import AIRHyperModel, BayesianOptimization, GridSearch, Hyperband, RandomSearch

OWN = {"random": RandomSearch, "bayesian": BayesianOptimization, "hyperband": Hyperband}
KERAS_TUNERS = {
    "random": keras_tuner.RandomSearch,
    "bayesian": keras_tuner.BayesianOptimization,
    "hyperband": keras_tuner.Hyperband,
}


class Interrupt(BaseException):
    """KerasTuner does not catch it."""


class Counter(keras.callbacks.Callback):
    """A callback of a user, which a tuner copies."""


def with_range(hypermodel):
    return AIRHyperModel(hypermodel.config, ranges={"noise_stddev": (0.1, 0.5)})


def tried(tuner):
    trials = tuner.oracle.trials.values()
    return sorted((t.hyperparameters.values["noise_stddev"], t.score, t.status) for t in trials)


@pytest.mark.parametrize("folder", ["run", "run [1]", "run *?"])
@pytest.mark.usefixtures("instant_trials")
def test_a_killed_script_has_every_value_once(folder, hypermodel, trained, tmp_path, monkeypatch):
    replace, kills = os.replace, iter(range(3, 100, 4))

    def script(directory):
        tuner = GridSearch(hypermodel, directory=directory, executions_per_trial=2)
        tuner.search(verbose=0)
        return tuner

    expected = tried(script(tmp_path / "untouched"))
    assert [value for value, _, _ in expected] == [0.1, 0.2, 0.4]
    once = list(trained)
    trained.clear()
    while True:
        left = [next(kills)]

        def killed(source, target, left=left):
            if not left[0]:
                raise Interrupt
            left[0] -= 1
            replace(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", killed)
            try:
                tuner = script(tmp_path / folder)
                break
            except Interrupt:
                pass
    assert tried(tuner) == tried(script(tmp_path / folder)) == expected
    assert sorted(set(trained)) == sorted(once)


@pytest.mark.usefixtures("instant_trials")
def test_each_execution_has_a_seed(hypermodel, trained, tmp_path):
    tuner = GridSearch(hypermodel, directory=tmp_path, executions_per_trial=2)
    tuner.search(verbose=0)
    assert trained == [(0.1, 0), (0.1, 1), (0.2, 0), (0.2, 1), (0.4, 0), (0.4, 1)]
    assert hypermodel.config_for(tuner.get_best_hyperparameters()[0]).seed == 0


def test_an_interrupted_cell_runs_again(hypermodel, instant_trials, tmp_path):
    """The tuner in memory resumes, too."""
    tuner = GridSearch(hypermodel, directory=tmp_path)
    instant_trials[0.2] = Interrupt()
    with pytest.raises(Interrupt):
        tuner.search(verbose=0)
    instant_trials.clear()
    tuner.search(verbose=0)
    assert tried(tuner) == [(s, -s, "COMPLETED") for s in (0.1, 0.2, 0.4)]


@pytest.mark.usefixtures("instant_trials")
def test_a_script_may_ask_for_more_values(hypermodel, trained, tmp_path):
    GridSearch(hypermodel, directory=tmp_path).search(verbose=0)
    more = AIRHyperModel(hypermodel.config, grid={"noise_stddev": (0.1, 0.3, 0.4)})
    tuner = GridSearch(more, directory=tmp_path)
    tuner.search(verbose=0)
    assert [value for value, _, _ in tried(tuner)] == [0.1, 0.2, 0.3, 0.4]
    assert trained == [(0.1, 0), (0.2, 0), (0.4, 0), (0.3, 0)]


@pytest.mark.usefixtures("instant_fits")
def test_a_search_of_keras_tuner_resumes(hypermodel, trained, tmp_path, monkeypatch):
    """KerasTuner's own `GridSearch` leaves a folder that ours completes."""

    def script(tuner_class):
        objective = keras_tuner.Objective("val_iwae", "max")
        tuner = tuner_class(hypermodel, objective, directory=tmp_path)
        tuner.search(verbose=0)
        return tuner

    instant, done = train.fit, []

    def killed(*args, **options):
        done.append(args)
        if len(done) == 2:
            raise Interrupt
        return instant(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(train, "fit", killed)
        with pytest.warns(UserWarning, match="tuning.GridSearch can"), pytest.raises(Interrupt):
            script(keras_tuner.GridSearch)
    tuner = script(GridSearch)
    assert tried(tuner) == [(s, -s, "COMPLETED") for s in (0.1, 0.2, 0.4)]
    assert trained == [(0.1, 0), (0.2, 0), (0.4, 0)]


@pytest.mark.usefixtures("instant_fits")
@pytest.mark.parametrize("name", OWN)
def test_what_keras_tuner_offers_after_a_search(name, hypermodel, tmp_path, capsys):
    """The same tuner, and one that only reloads, have the trials and the weights."""
    options = {"directory": tmp_path, "project_name": "p"}
    options |= {} if name == "hyperband" else {"max_trials": 2}
    tuner = OWN[name](with_range(hypermodel), **options)
    tuner.search(verbose=0)
    again = OWN[name](with_range(hypermodel), **options)
    assert tried(again) == tried(tuner)
    best, kernels = -tuner.oracle.get_best_trials()[0].score, []
    for found in (tuner, again):
        (model,) = found.get_best_models()
        kernel, bias = model.get_weights()
        kernels.append(kernel)
        assert bias == pytest.approx(best)
        found.results_summary()
        assert f"Score: {-best}" in capsys.readouterr().out
    np.testing.assert_array_equal(*kernels)


@pytest.mark.usefixtures("instant_trials")
def test_a_seed_of_zero_is_a_seed(hypermodel, tmp_path):
    found = {}
    for name, seed in {"a": 0, "b": 0, "config": None, "other": 1}.items():
        tuner = RandomSearch(with_range(hypermodel), directory=tmp_path / name, seed=seed)
        tuner.search(verbose=0)
        found[name] = tried(tuner)
    assert found["a"] == found["b"] == found["config"] != found["other"]


@pytest.mark.usefixtures("instant_trials")
def test_overwrite_begins_again(hypermodel, trained, tmp_path):
    for _ in range(2):
        GridSearch(hypermodel, directory=tmp_path, overwrite=True).search(verbose=0)
    assert trained == [(0.1, 0), (0.2, 0), (0.4, 0)] * 2


@pytest.mark.parametrize("tuner_class", [GridSearch, keras_tuner.RandomSearch])
def test_callbacks_and_verbose_reach_every_fit(tuner_class, hypermodel, instant_fits, tmp_path):
    callbacks = [Counter(), keras.callbacks.TensorBoard(tmp_path / "logs")]
    tuner = tuner_class(hypermodel, hypermodel.objective, directory=tmp_path)
    tuner.search(callbacks=callbacks, verbose=0)
    logs = set()
    for fit in instant_fits:
        assert fit["verbose"] == 0
        assert sum(isinstance(callback, Counter) for callback in fit["callbacks"]) == 1
        logs |= {c.log_dir for c in fit["callbacks"] if type(c) is keras.callbacks.TensorBoard}
    assert len(instant_fits) == len(logs) == 3
    assert callbacks[1].log_dir == str(tmp_path / "logs")


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((np.zeros((4, 64)),), {}),
        ((), {"x": np.zeros((4, 64))}),
        ((), {"epochs": 5}),
        ((), {"validation_data": (np.zeros((4, 64)),)}),
        ((), {"batch_size": 7, "verbose": 0}),
    ],
)
@pytest.mark.parametrize("tuner_class", [GridSearch, Hyperband, keras_tuner.RandomSearch])
def test_data_and_epochs_are_those_of_the_config(
    tuner_class, args, options, hypermodel, instant_fits, tmp_path
):
    tuner = tuner_class(hypermodel, hypermodel.objective, directory=tmp_path)
    with pytest.raises(ValueError, match=r"`search` takes `callbacks` and `verbose`.*Received"):
        tuner.search(*args, **options)
    assert not instant_fits


@pytest.mark.parametrize("objective", [None, "val_iwae", keras_tuner.Objective("val_iwae", "max")])
def test_the_objective_may_be_left_out_or_be_a_name(objective, hypermodel, tmp_path):
    tuner = GridSearch(hypermodel, objective, directory=tmp_path)
    assert tuner.oracle.objective == keras_tuner.Objective("val_iwae", "max")


@pytest.mark.parametrize(
    "objective",
    [
        "val_loss",
        keras_tuner.Objective("val_iwae", "min"),
        keras_tuner.Objective("val_loss", "min"),
        ["val_loss", keras_tuner.Objective("val_iwae", "max")],
    ],
)
def test_another_objective_is_refused(objective, hypermodel, instant_fits, tmp_path):
    message = r'must be that by which trials stop, Objective\(name="val_iwae", direction="max"\)'
    with pytest.raises(ValueError, match=message):
        GridSearch(hypermodel, objective, directory=tmp_path)
    with pytest.raises(ValueError, match=message):
        keras_tuner.RandomSearch(hypermodel, objective, directory=tmp_path).search(verbose=0)
    assert not instant_fits


@pytest.mark.usefixtures("instant_fits")
@pytest.mark.parametrize("name", KERAS_TUNERS)
def test_executions_of_keras_tuners_have_seeds(name, hypermodel, trained, tmp_path):
    options = {"max_epochs": 2} if name == "hyperband" else {"max_trials": 2}
    options |= {"directory": tmp_path, "executions_per_trial": 3}
    hypermodel = with_range(hypermodel)
    tuner = KERAS_TUNERS[name](hypermodel, hypermodel.objective, **options)
    tuner.search(verbose=0)
    assert [seed for _, seed in trained] == [0, 1, 2] * 2
    assert tuner.get_best_models()
    assert hypermodel.config_for(tuner.get_best_hyperparameters()[0]).seed == 0


@pytest.mark.parametrize(
    ("tuner_class", "options", "message"),
    [
        (GridSearch, {"executions_per_trial": 0}, "`executions_per_trial` must be"),
        (GridSearch, {"directory": "gs://bucket"}, "`directory` must be a local folder"),
        (BayesianOptimization, {}, "give it a --range .`ranges` in a script."),
    ],
)
def test_rejects(tuner_class, options, message, hypermodel, tmp_path):
    with pytest.raises(ValueError, match=message):
        tuner_class(hypermodel, **{"directory": tmp_path / "s", **options})
    assert not (tmp_path / "s").exists()


def test_rejects_another_hypermodel(tmp_path):
    with pytest.raises(ValueError, match="`hypermodel` must be an AIRHyperModel"):
        GridSearch(lambda hp: keras.Sequential(), "val_iwae", directory=tmp_path)
