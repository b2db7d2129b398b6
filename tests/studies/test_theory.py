"""The toy of docs/theory.md: its closed forms, its record and its page."""

import pathlib

import numpy as np
import PIL.Image
import pytest
import tensorflow_probability as tfp

import air_tf
from air_tf import files
from studies.theory import run as theory_run
from studies.theory import toy
from tests import commands

ROOT = pathlib.Path(__file__).parents[2]


def test_posteriors_and_evidence():
    """With the exact posterior, log p(x, z) − log q(z|x) is log p(x) at any z."""
    model = toy.trained("vae", 1, seed=0)
    q = tfp.distributions.MultivariateNormalDiag(*toy.posteriors().values())
    log_weights = model.log_weights_at(toy.X, q, q.sample(5, seed=0))
    np.testing.assert_allclose(log_weights, np.tile(toy.log_p(), [5, 1]), atol=1e-4)


@pytest.mark.slow
def test_the_command_writes_the_record_and_the_pictures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(air_tf.VariationalAutoencoder, "compiles_to_xla", lambda self: False)
    monkeypatch.setattr(theory_run, "STDDEVS", (0.1, 2.0))
    monkeypatch.setattr(theory_run, "MAX_NORMS", (1.0, 0.1))
    commands.run(theory_run, ["--num-steps", 20, "--num-samples", 500, "--results", tmp_path])
    record = files.read_json(tmp_path / "theory.json")
    assert [list(record[name]) for name in ("noise", "cap")] == [["0.1", "2"], ["1", "0.1"]]
    for found in record["noise"].values():
        assert found["optimal"] < found["trained"] + 0.5  # 500 draws
        assert found["marginal"] < found["trained"] + 0.5
    assert record["noise"]["0.1"]["optimal"] < record["noise"]["2"]["optimal"]
    for name in ("latents", "functions"):
        with PIL.Image.open(tmp_path / "figures" / f"theory_{name}.png") as picture:
            assert picture.size[0] > 500
    assert theory_run.markdown(record) in capsys.readouterr().out


def test_the_page_has_the_numbers_of_the_record():
    record = files.read_json(ROOT / "results" / "theory.json")
    page = (ROOT / "docs" / "theory.md").read_text("utf-8")
    assert theory_run.markdown(record) in page


def test_the_record_has_the_order_of_the_propositions():
    """R grows with σ and falls with H; the optimal encoder has the least, noise out has less."""
    record = files.read_json(ROOT / "results" / "theory.json")
    noise = list(record["noise"].values())
    for name in ("optimal", "trained", "marginal", "effective_neighbours"):
        assert np.all(np.diff([found[name] for found in noise]) > 0)
    assert np.all(np.diff([found["lipschitz_bound"] for found in noise]) < 0)
    assert all(found["marginal"] < found["trained"] for found in noise)
    assert all(found["optimal"] < found["trained"] for found in noise)
    assert np.all(np.diff([found["trained"] for found in record["cap"].values()]) > 0)
