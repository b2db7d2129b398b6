"""Published models against the steps of IW-SVI: the command, its record and what it says."""

import json

import pytest

import air_tf
from air_tf import checksums, files
from air_tf.evaluation import Estimate, importance_log_likelihood, iw_svi
from studies import estimators, estimators_report
from tests.commands import refusal, run
from tests.conftest import small_model, strengths

MODELS = {"vae": 1, "dvae": 1, "iwae64": 64}  # and k; the last has no partner
OPTIONS = "--dataset digits --num-examples 20 --num-samples 50 --num-train-samples 4".split()
OPTIONS += "--max-steps 2 5 --learning-rates 0.1 0.01 --seed 3".split()


def build(name):
    return small_model("vae" if name == "iwae64" else name, input_dim=64)


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """Published models of digits that are not trained."""
    for name, k in MODELS.items():
        path = tmp_path / "zoo" / "digits" / name
        path.mkdir(parents=True)
        build(name).save(path / air_tf.zoo.MODEL)
        config = {"num_importance_samples": k, "noise_stddev": None, "max_norm": None}
        config |= strengths(name) if name == "dvae" else {}
        files.write_json(path / air_tf.zoo.CARD, {"config": config})
        checksums.write_hashes(path)
    monkeypatch.setattr(air_tf.zoo, "FOLDER", tmp_path / "zoo")
    monkeypatch.setattr(air_tf.VariationalAutoencoder, "compiles_to_xla", lambda self: False)


@pytest.mark.slow
@pytest.mark.usefixtures("zoo")
def test_the_record_is_what_the_evaluators_say(tmp_path, monkeypatch, capsys):
    """An interrupted command resumes, and a record of the same options is not made again."""
    results = tmp_path / "results"
    arguments = [*OPTIONS, "--work", tmp_path / "work", "--results", results]

    def killed(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(air_tf.evaluation, "iw_svi", killed)
        with pytest.raises(KeyboardInterrupt):
            run(estimators, arguments)
    assert not (results / "estimators.json").exists()
    again = []

    def counted(model, *arguments, **options):
        again.append(model)
        return importance_log_likelihood(model, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(air_tf.evaluation, "importance_log_likelihood", counted)
        run(estimators, arguments)
    assert len(again) == 1  # the other model's is kept
    record = files.read_json(results / "estimators.json")
    x, options = air_tf.datasets.load("digits").test[:20], {"seed": 3, "progress": False}
    models = {name: build(name) for name in ("vae", "dvae")}
    found = iter(record["estimates"])
    for model in models:
        for rate, steps in ((None, 0), (0.1, 2), (0.1, 5), (0.01, 2), (0.01, 5)):
            estimate, values = next(found), {}
            about = {"model": model, "plain": "vae" if model == "dvae" else None}
            assert about.items() <= estimate.items()
            assert (estimate["learning_rate"], estimate["max_steps"]) == (rate, steps)
            for name in {model, "vae"}:
                svi = {"learning_rate": rate, "num_train_samples": 4, "max_steps": steps}
                evaluate = iw_svi if steps else importance_log_likelihood
                more = svi if steps else {}
                values[name] = evaluate(models[name], x, 50, **options, **more)
            summary = Estimate(values[model].per_example).summary()
            assert estimate["log_likelihood"] == pytest.approx(summary, rel=1e-5)
            if model == "dvae":
                difference = (values["dvae"] - values["vae"]).summary()
                assert estimate["difference"] == pytest.approx(difference, abs=1e-4)
            else:
                assert estimate["difference"] is None
    assert next(found, None) is None
    assert record["num_test_examples"] == 20
    assert record["versions"]["commit"]
    assert str(tmp_path) not in json.dumps(record)
    said = capsys.readouterr().out
    monkeypatch.setattr(estimators, "_measure", killed)
    run(estimators, arguments)
    assert capsys.readouterr().out == said
    kept = (results / "estimators.json").read_bytes()
    message = refusal(estimators, [*arguments, "--seed", 4], capsys)
    assert f"give another folder. Received: results='{results}'" in message
    assert (results / "estimators.json").read_bytes() == kept


@pytest.mark.usefixtures("zoo")
def test_refuses_bad_options(tmp_path, capsys):
    where = ["--work", tmp_path / "work", "--results", tmp_path / "results"]
    for options, message in (
        (["--dataset", "digit"], "the plain one of the same k. Received: dataset='digit'"),
        (["--max-steps", 10, 0], "Received: max_steps=0"),
        (["--max-steps"], "at least one number. Received: max_steps=()"),
        (["--learning-rates", 0.1, -0.1], "Received: learning_rates=-0.1"),
        (["--learning-rates"], "at least one number. Received: learning_rates=()"),
        (["--num-examples", 0], "Received: num_examples=0"),
        (["--num-samples", 0], "Received: num_samples=0"),
        (["--num-train-samples", 0], "Received: num_train_samples=0"),
    ):
        assert message in refusal(estimators, [*OPTIONS, *options, *where], capsys)
    assert not list(tmp_path.glob("results/*"))


def made_up(**curves):
    """A record of k = 1 and one learning rate: the means of the differences at T = 0, 10, 50."""
    config = {"learning_rates": [0.1], "max_steps": [10, 50]}
    config |= {"num_samples": 5000, "num_train_samples": 16}
    estimates = []
    for model, means in {"vae": (-110, -104, -103.5), **curves}.items():
        for steps, mean in zip((0, 10, 50), means, strict=True):
            estimate = {"model": model, "plain": None, "learning_rate": 0.1 if steps else None}
            value = {"mean": mean, "standard_error": 0.25}
            estimate |= {"max_steps": steps, "log_likelihood": value, "difference": None}
            if model != "vae":
                estimate |= {"plain": "vae", "difference": value}
            estimates.append(estimate)
    return {"config": config, "num_test_examples": 300, "estimates": estimates}


@pytest.mark.parametrize(
    ("curves", "sentence"),
    [
        (
            {"dvae": (0.8, -0.4, -1), "wni_vae": (-0.6, -0.7, -1)},
            "dvae − vae is positive, undecided from T = 10 on, negative from T = 50 on; "
            "wni_vae − vae is negative.",
        ),
        (
            {"dvae": (0.8, -0.7, 1)},
            "dvae − vae is positive, negative from T = 10 on, positive from T = 50 on.",
        ),
        ({"dvae": (0.5, 0.5, 0.5)}, "dvae − vae is undecided."),
    ],
)
def test_says_where_the_sign_changes(curves, sentence):
    text = estimators_report.markdown(made_up(**curves))
    assert text.endswith(f"\n\nAt the learning rate 0.1, beyond two standard errors, {sentence}")
    assert "| vae | 0.1 | -110.00 ± 0.25 | -104.00 ± 0.25 | -103.50 ± 0.25 |" in text
    first = f"{curves['dvae'][0]:.2f}"
    assert f"| dvae − vae | 0.1 | {first} ± 0.25 |" in text
    assert "first 300 test images" in text.replace("\n", " ")


def test_the_figure_is_the_same_each_time(tmp_path):
    record = made_up(dvae=(0.5, -0.5, -1))
    for name in ("a.png", "b.png"):
        estimators_report.draw(tmp_path / name, record)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
