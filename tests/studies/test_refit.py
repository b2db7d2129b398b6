"""Published models before and after a refit: the command, its record and its table."""

import json

import numpy as np
import pytest

import air_tf
from air_tf import files
from air_tf.evaluation import inference_gaps, refit_encoder
from studies import refit, refit_report
from tests.commands import refusal, run

OPTIONS = "--dataset digits --models vae --num-examples 20 --num-seeds 2 --epochs 1".split()
EFFORT = {"num_samples": 40, "num_train_samples": 4, "max_steps": 4}


@pytest.mark.slow
def test_the_record_is_what_the_library_says(tmp_path, monkeypatch, capsys, without_xla):
    """An interrupted command resumes, and a record of the same options is not made again."""
    monkeypatch.setitem(air_tf.evaluation.QUALITIES, "fast", EFFORT)
    monkeypatch.setattr(air_tf.VariationalAutoencoder, "compiles_to_xla", lambda self: False)
    results = tmp_path / "results"
    arguments = [*OPTIONS, "--work", tmp_path / "work", "--results", results]

    def killed(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(refit, "train_encoder", killed)
        with pytest.raises(KeyboardInterrupt):
            run(refit, arguments)
    assert not (results / "refit.json").exists()
    run(refit, arguments)
    record = files.read_json(results / "refit.json")

    data, model = air_tf.datasets.load("digits"), air_tf.zoo.load_pretrained("digits/vae")
    x, values = data.test[:20], []
    before = inference_gaps(model, x, progress=False, **EFFORT)
    for seed in (0, 1):
        new = refit_encoder(model, data.train, epochs=1, seed=seed, progress=False)
        after = inference_gaps(new, x, progress=False, **EFFORT)
        values.append(np.float64(after.elbo.per_example) - before.elbo.per_example)
    for name, summary in before.summary().items():
        assert record["before"]["vae"][name] == pytest.approx(summary, rel=1e-6)
    kinds = [(refitted["model"], refitted["kind"]) for refitted in record["refits"]]
    assert kinds == [("vae", "posterior"), ("vae", "prior"), ("vae", "data alone")]
    change = record["refits"][0]["change"]["elbo"]
    assert change["by_seed"] == pytest.approx(np.mean(values, axis=1), abs=1e-4)
    assert change["mean"] == pytest.approx(np.mean(values), abs=1e-4)
    error = np.std(np.mean(values, axis=0), ddof=1) / np.sqrt(20)
    assert change["standard_error"] == pytest.approx(error, abs=1e-4)
    assert (record["num_train_examples"], record["num_test_examples"]) == (len(data.train), 20)
    assert record["versions"]["commit"]
    assert str(tmp_path) not in json.dumps(record)

    said = capsys.readouterr().out
    monkeypatch.setattr(refit, "_measure", killed)
    run(refit, arguments)
    assert capsys.readouterr().out == said
    kept = (results / "refit.json").read_bytes()
    message = refusal(refit, [*arguments, "--epochs", 2], capsys)
    assert f"give another folder. Received: results='{results}'" in message
    assert (results / "refit.json").read_bytes() == kept


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dataset", "digit"], "published models. Received: dataset='digit'"),
        (["--models", "vea"], "did you mean 'vae'"),
        (["--models"], "at least one name. Received: models=()"),
        (["--num-examples", 0], "Received: num_examples=0"),
        (["--num-seeds", 0], "Received: num_seeds=0"),
        (["--epochs", 0], "Received: epochs=0"),
        (["--learning-rate", 0.0], "Received: learning_rate=0.0"),
        (["--quality", "quick"], "Received: quality='quick'"),
    ],
)
def test_refuses_bad_options(options, message, tmp_path, capsys):
    where = ["--work", tmp_path / "work", "--results", tmp_path / "results"]
    assert message in refusal(refit, [*OPTIONS, *options, *where], capsys)
    assert not list(tmp_path.iterdir())


def test_the_table_has_changes_below_their_model():
    names = ("elbo", "amortization_gap", "importance_log_likelihood", "log_likelihood")
    value, change = ({"mean": mean, "standard_error": 0.25} for mean in (-24.5, 0.75))
    refits = [
        {"model": "vae", "kind": kind, "change": dict.fromkeys(names, change | seeds)}
        for kind, seeds in (
            ("prior", {"by_seed": [1.25, 0.25]}),
            ("data alone", {"by_seed": [-0.001, 1.5]}),
        )
    ]
    config = {"num_seeds": 2, "epochs": 3, "learning_rate": 3e-4, "quality": "fast"}
    counts = {"num_train_examples": 1000, "num_test_examples": 500}
    record = {"config": config, "before": {"vae": dict.fromkeys(names, value)}, "refits": refits}
    *_, first, second, third = refit_report.markdown(record | counts).splitlines()
    assert first == "| vae |  |" + 4 * " -24.50 ± 0.25 |"
    assert second == "| vae | samples, z of the prior |" + 4 * " +0.75 ± 0.25 [+0.25, +1.25] |"
    assert third == "| vae | data alone |" + 4 * " +0.75 ± 0.25 [+0.00, +1.50] |"
