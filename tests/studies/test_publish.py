"""Publishes a run, checks the published model, and checks the card."""

import functools
import json

import pytest
import tensorflow as tf

import air_tf
from air_tf import checksums, files
from studies import cards, publish, second_opinions
from tests.commands import TRAIN, refusal, run
from trainers import evaluate, train, zoo_check


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
def test_publishes_and_checks(tmp_path, tmp_path_factory, capsys, monkeypatch):
    trained = tmp_path_factory.mktemp("runs") / "run"
    run(train, [*TRAIN, "--out", trained])
    monkeypatch.setattr(air_tf.zoo, "FOLDER", tmp_path)
    options = ["--num-samples", 60, "--max-steps", 20, "--num-examples", 100]
    run(evaluate, [trained, *options])
    out = tmp_path / "digits" / "dvae"
    run(publish, [trained, "--out", out])
    card = air_tf.zoo.read_card("digits/dvae", tmp_path)
    for option in ("--dataset digits", "--model dvae", "--noise-stddev 0.2", "--seed 3"):
        assert option in card["command"]
    assert card["test"]["num_examples"] == 100
    readme = (out / "README.md").read_text()
    assert str(tmp_path) not in readme + json.dumps(card)
    assert str(trained) not in readme + json.dumps(card)
    assert f"{card['test']['elbo']['mean']:.2f}" in readme
    assert "1000 images to train, 297 to validate, 500 to test" in readme
    assert tf.saved_model.load(str(out / "saved_model")).decode(tf.zeros([1, 4])) is not None
    capsys.readouterr()
    run(evaluate, [out / "saved_model", "--num-samples", 20, "--num-examples", 10])
    assert "IWAE-20 − ELBO" in capsys.readouterr().out
    monkeypatch.setattr(evaluate, "evaluate", functools.cache(evaluate.evaluate))  # saves time
    run(zoo_check, [])
    assert "digits/dvae" in capsys.readouterr().out
    opinions = ["digits/dvae", "--num-examples", 8, "--num-temperatures", 20]
    run(second_opinions, [*opinions, "--folder", tmp_path])
    found = air_tf.zoo.read_card("digits/dvae", tmp_path)["opinions"]
    readme = (out / "README.md").read_text()
    assert "## Second opinions on the first 8 test images" in readme
    assert "AIS takes 20 temperatures" in readme
    assert f"| upper bound, annealing backwards | {found['bdmc']['upper']['mean']:.2f} |" in readme
    lost = found["generalization"]["encoder_gap"]["mean"]
    assert f"| encoder: amortization gap | {lost:.2f} |" in readme
    assert f"{card['test']['elbo']['mean']:.2f}" in readme
    assert str(tmp_path) not in readme + (out / "card.json").read_text()
    run(second_opinions, [*opinions, "--folder", tmp_path])
    assert "has its opinions" in capsys.readouterr().out
    run(zoo_check, [])
    # An edited card is refused; so is one with new hashes that promises more than the model gives.
    card["test"]["log_likelihood"]["mean"] += 50
    (out / "card.json").write_text(json.dumps(card))
    with pytest.raises(SystemExit):
        run(zoo_check, [])
    assert "by its SHA-256" in capsys.readouterr().err
    checksums.write_hashes(out)
    with pytest.raises(SystemExit):
        run(zoo_check, [])
    assert "within 2 s.e." in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run(publish, [trained, "--out", out])
    assert "must be a new or empty folder" in capsys.readouterr().err
    # Without its list or its card it is not published; without both, it is no run either.
    (out / checksums.HASHES).unlink()
    monkeypatch.chdir(out / "saved_model")
    for path in (out, "."):
        assert "must have SHA256SUMS" in refusal(evaluate, [path], capsys)
    (out / "card.json").unlink()
    assert "metrics" in refusal(evaluate, [out], capsys)


def test_a_card_says_what_the_strength_was_chosen_from(tmp_path):
    """With the folder of a search, or with a study's record of it."""
    spaces = {"grid": {"noise_stddev": [0.1, 0.4], "max_norm": []}, "range": {"max_norm": []}}
    searched = {"dataset": "digits", "model": "dvae", "epochs": 5, "seed": 0, **spaces}
    searched |= {"tuner": "grid", "executions_per_trial": 1}
    trials = [{"hyperparameters": {"noise_stddev": s}, "score": -s} for s in (0.1, 0.4)]
    trials.append({"hyperparameters": {"noise_stddev": 9.0}, "score": None})
    trained = {"dataset": "digits", "model": "dvae", "epochs": 9, "seed": 1, "noise_stddev": 0.1}
    record = tmp_path / "record.json"
    files.write_json(tmp_path / "search.json", searched)
    files.write_json(tmp_path / "trials.json", trials)
    files.write_json(record, {"config": searched, "trials": trials})
    for path in (tmp_path, record):
        assert cards.chosen_by(path, trained) == {
            "searched_with": {"epochs": 5},
            "tuner": "grid",
            "executions_per_trial": 1,
            "trials": [{"noise_stddev": s, "validation_iwae_64": -s} for s in (0.1, 0.4)],
        }
    for other in ({"noise_stddev": 0.4}, {"model": "diwae"}, {"dataset": "mnist"}):
        with pytest.raises(ValueError, match="must be of the model that the search chose"):
            cards.chosen_by(record, {**trained, **other})


def test_a_card_says_what_width_was_chosen_and_by_what_bound(tmp_path):
    spaces = {"grid": {"encoder_width": [100, 400]}, "range": {"encoder_width": []}}
    searched = {"dataset": "digits", "model": "vae", "num_iw_svi_examples": 50, **spaces}
    searched |= {"tuner": "grid", "executions_per_trial": 1, "encoder_units": [200, 200]}
    trials = [{"hyperparameters": {"encoder_width": w}, "score": w / -100} for w in (400, 100)]
    files.write_json(tmp_path / "r.json", {"config": searched, "trials": trials})
    trained = {"dataset": "digits", "model": "vae", "encoder_units": [400, 400]}
    trained |= {"num_iw_svi_examples": 50}
    chosen = cards.chosen_by(tmp_path / "r.json", trained)
    assert chosen["searched_with"] == {}
    assert chosen["trials"][0] == {"encoder_width": 400, "validation_iw_svi": -4.0}
    card = air_tf.zoo.read_card("digits/dvae")
    card["versions"] |= {"device": "x86_64"}
    text = cards.readme({**card, "chosen_by": chosen})
    assert "| encoder_width | validation log p(x), IW-SVI |" in text
    assert "| 400 | -4.000 |" in text
    with pytest.raises(ValueError, match="must be of the model that the search chose"):
        cards.chosen_by(tmp_path / "r.json", {**trained, "encoder_units": [100, 100]})


def test_a_card_says_where_a_training_ran():
    card = air_tf.zoo.read_card("digits/dvae")
    card["versions"] |= {"device": "x86_64"}
    assert " s on x86_64)" in cards.readme(card)
    card["versions"]["earlier"] = [{"device": "a GPU"}]
    assert " s on a GPU, then x86_64)" in cards.readme(card)


def test_the_card_of_a_table_speaks_of_examples_and_has_no_picture():
    card = air_tf.zoo.read_card("digits/dvae")
    card["versions"] |= {"device": "x86_64"}
    card["config"] |= {"likelihood": "gaussian", "noise_kind": "masking"}
    images = cards.readme(card)
    assert "![Samples](samples.png)" in images
    assert "8×8, static binarization;\n1000 images to train" in images
    assert "noise_kind = masking" in images
    assert ", likelihood = gaussian: " in images
    data = {"image_shape": None, "observation_shape": [13], "binarization": "none"}
    text = cards.readme({**card, "data": {**card["data"], **data}})
    assert "13 numbers, as they came;\n1000 examples to train" in text
    assert "## Results on all 500 test examples, nats" in text
    assert "image" not in text.partition("## How it was made")[0].partition("## Data")[2]
    assert "samples.png" not in text
    table = air_tf.datasets.load("wine")
    assert publish._task("gaussian", table) == "Density estimation of examples, in nats per example"
    assert publish._data(table)["image_shape"] is None
    digits = air_tf.datasets.load("digits")
    assert publish._task("bernoulli", digits) == card["task"]
    assert publish._data(digits)["image_shape"] == [8, 8]
