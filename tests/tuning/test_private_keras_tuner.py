"""What would fail silently if a name of KerasTuner went away."""

import contextlib
import json

import keras_tuner
import numpy as np
import pytest
from keras_tuner.src import utils

from air_tf import files
from tuning import BayesianOptimization, GridSearch, private_keras_tuner


class Interrupt(BaseException):
    """KerasTuner does not catch it."""


def test_all_json_is_written_whole(hypermodel, instant_fits, tmp_path, monkeypatch):
    write, written = files.write_text, []

    def noted(path, text):
        written.append(path)
        write(path, text)

    before = utils.save_json
    monkeypatch.setattr(files, "write_text", noted)
    GridSearch(hypermodel, directory=tmp_path).search(verbose=0)
    assert set(tmp_path.rglob("*.json")) == set(written)
    assert {path.name for path in written} >= {"oracle.json", "trial.json", "tuner0.json"}
    assert utils.save_json is before


def test_the_patch_ends_with_an_error():
    before = utils.save_json
    with contextlib.suppress(Interrupt), private_keras_tuner.whole_files():
        assert utils.save_json is not before
        raise Interrupt
    assert utils.save_json is before


def test_fit_gets_the_tuner_and_what_saves_weights(hypermodel, tmp_path, monkeypatch):
    """Otherwise weights would be saved after every epoch, and other tuners not be seen."""
    found = []

    def fit(hp, model, callbacks=(), **options):
        found.append(private_keras_tuner.tuner_of(callbacks))
        (saver,) = private_keras_tuner.weight_savers(callbacks)
        saver.set_model(model)
        saver.on_epoch_end(0, {"val_iwae": -1.0})
        return -1.0

    hypermodel.fit = fit
    objective = hypermodel.objective
    tuner = keras_tuner.RandomSearch(hypermodel, objective, max_trials=1, directory=tmp_path)
    tuner.search(verbose=0)
    assert found == [tuner]
    assert list(tmp_path.rglob("checkpoint.weights.h5"))
    assert private_keras_tuner.tuner_of([]) is None


def test_an_interrupted_search_has_the_files_that_are_repaired(
    hypermodel, instant_trials, tmp_path
):
    instant_trials[0.2] = Interrupt()
    with pytest.raises(Interrupt):
        GridSearch(hypermodel, directory=tmp_path, project_name="p").search(verbose=0)
    folder = tmp_path / "p"
    state = json.loads((folder / "oracle.json").read_text())
    assert state["start_order"] == ["0000", "0001"]
    assert state["ongoing_trials"] == {"tuner0": "0001"}
    assert state["retry_queue"] == []
    described = json.loads((folder / "trial_0000" / "trial.json").read_text())
    assert "val_iwae" in described["metrics"]["metrics"]
    # Without its name a search begins again, and does not say so.
    (folder / "tuner0.json").unlink()
    unknown = folder / "trial_0002"
    unknown.mkdir()
    assert private_keras_tuner.recover(folder)
    assert not unknown.exists()
    assert list(private_keras_tuner.read_trials(folder)) == ["0000", "0001"]
    assert len(GridSearch(hypermodel, directory=tmp_path, project_name="p").oracle.trials) == 2


def test_the_seed_is_that_of_the_proposals(hypermodel, instant_trials, tmp_path):
    hypermodel.grid, hypermodel.ranges = {}, {"noise_stddev": (0.1, 0.5)}
    tuner = BayesianOptimization(hypermodel, max_trials=4, directory=tmp_path)
    tuner.search(verbose=0)
    oracle = tuner.oracle
    private_keras_tuner.seed_proposals(oracle, 3)
    super(type(oracle), oracle).populate_space("0004")
    expected = np.random.RandomState(3).uniform(size=(50, 1)), np.random.RandomState(3)
    expected[1].uniform(size=(50, 1))
    assert oracle._random_state.uniform() == expected[1].uniform()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, True),
        ({"KERASTUNER_TUNER_ID": "mine"}, True),
        ({"KERASTUNER_TUNER_ID": "chief", "KERASTUNER_ORACLE_IP": "127.0.0.1"}, True),
        ({"KERASTUNER_TUNER_ID": "worker0", "KERASTUNER_ORACLE_IP": "127.0.0.1"}, False),
    ],
)
def test_who_holds_the_oracle(settings, expected, monkeypatch):
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "8000")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert private_keras_tuner.holds_oracle() == expected
