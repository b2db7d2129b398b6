"""Studies: their plan, which parts run, and which do not run again."""

import pytest
import yaml

import air_tf
from air_tf import files
from studies import records, reproduce, study

STUDY = """
dataset: digits
num_importance_samples: [1]
models:
  vae:
  dvae: {noise_stddev: [0.4]}
training: {encoder_units: [8], decoder_units: [8], latent_dim: 3, epochs: 4, patience: 2}
searching_at: {1: {validation_freq: 2}}
evaluation: {num_examples: 30, num_samples: 50, max_steps: 10, batch_size: 10}
num_curve_examples: 20
"""


def killed(*arguments):
    raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
def test_a_study_interrupted_in_the_middle(tmp_path, monkeypatch, capsys):
    """Finished cells stay as they are; other tests cover the parts of a cell."""
    path, results = tmp_path / "small.yaml", tmp_path / "results"
    path.write_text(STUDY)
    first, last = results / "small/vae/seed0.json", results / "small/dvae/seed0.json"
    config = reproduce.ReproduceConfig(str(path), work=str(tmp_path / "runs"), results=str(results))
    with monkeypatch.context() as patch:
        patch.setattr(reproduce, "_search", killed)
        with pytest.raises(KeyboardInterrupt):
            reproduce.reproduce(config)
    before = first.read_bytes()
    assert not last.exists()
    reproduce.reproduce(config)
    assert first.read_bytes() == before
    finished = last.stat().st_mtime_ns
    capsys.readouterr()
    reproduce.reproduce(config)
    assert "stays as it is" not in capsys.readouterr().out
    path.write_text(STUDY.replace("epochs: 4", "epochs: 5"))
    reproduce.reproduce(config)
    assert last.stat().st_mtime_ns == finished
    said = capsys.readouterr().out
    for name in ("vae/seed0", "dvae/search", "dvae/seed0"):
        made = f"{results}/small/{name}.json stays as it is, made with {{'epochs': 4}}, not"
        assert made in said
    (found,) = records.read(results / "small", study.read(str(path)).cells).values()
    assert list(found) == ["vae", "dvae"]
    for cell in found.values():
        for bound in records.BOUNDS:
            mean = cell.finals[0]["test"][bound]["mean"]
            assert cell.estimate(bound).mean == pytest.approx(mean, rel=1e-5)
            assert len(cell.estimate(bound).per_example) == 30
    (trial,) = found["dvae"].search["trials"]
    assert found["dvae"].finals[0]["config"]["noise_stddev"] == 0.4
    for bound in records.CURVES:
        values = found["dvae"].curves[bound][trial["trial_id"]]
        assert len(values.per_example) == 20
        assert values.mean == pytest.approx(trial[f"test_{bound}"]["mean"], rel=1e-5)


def test_a_cell_takes_the_winner_of_another(tmp_path, monkeypatch):
    records = {"dvae": {"noise_stddev": 0.2}, "dwni_vae": {"noise_stddev": 0.2, "max_norm": 4.0}}
    for cell, best in records.items():
        (tmp_path / "caltech" / cell).mkdir(parents=True)
        trials = {"config": {}, "trials": [{"hyperparameters": best}, {"hyperparameters": {}}]}
        files.write_json(tmp_path / "caltech" / cell / "search.json", trials)
    trained = []
    monkeypatch.setattr(reproduce, "_final", lambda *arguments: trained.append(arguments[3]))
    config = reproduce.ReproduceConfig("caltech", ("dwni_vae",), (7,), results=str(tmp_path))
    reproduce.reproduce(config)
    (options,) = trained
    assert records["dwni_vae"].items() <= options.items()
    assert options["seed"] == 7
    digits = reproduce.ReproduceConfig("digits", ("dvae_m8",), (7,), results=str(tmp_path))
    (tmp_path / "caltech").rename(tmp_path / "digits")
    reproduce.reproduce(digits)
    assert trained[1]["noise_stddev"] == 0.2
    assert trained[1]["num_monte_carlo_samples"] == 8
    (tmp_path / "digits").rename(tmp_path / "caltech")
    searched = []
    monkeypatch.setattr(reproduce, "_search", lambda config, *_: searched.append(config))
    (tmp_path / "caltech" / "dwni_vae" / "search.json").unlink()
    with pytest.raises(FileNotFoundError):
        reproduce.reproduce(config)
    assert searched[0].grid.noise_stddev == (0.2,)
    assert len(searched[0].grid.max_norm) == 5
    (tmp_path / "caltech" / "diwae64").mkdir()
    files.write_json(tmp_path / "caltech" / "diwae64" / "search.json", {"trials": []})
    again = reproduce.ReproduceConfig("caltech", ("diwae64_resampled",), results=str(tmp_path))
    with pytest.raises(FileNotFoundError):  # of the search of its own
        reproduce.reproduce(again)
    assert searched[1].gradient_estimator == "resampled"
    assert len(searched[1].grid.noise_stddev) == 5


@pytest.mark.parametrize("name", study.names())
def test_studies_are_well_formed(name):
    plan = study.read(name)
    cells = plan.cells
    rows = [cell for cell in cells.values() if cell.variant is None]
    assert len(rows) == len(plan.models) * len(plan.num_importance_samples)
    for cell in cells.values():
        assert (cell.base in cells) == (cell.variant in plan.variants)
        if cell.variant:
            again = plan.variants[cell.variant].searched
            assert cell.grid == (cells[cell.base].grid if again else {})
    for cell in cells.values():
        plain = cells[plan.plain(cell.name)]
        assert (plain.row, plain.k) == ("vae", cell.k)
        assert plain.variant == (None if cell.row == "vae" else cell.variant)
        assert cell.model in air_tf.list_models()
        for values in cell.grid.values():
            assert values in cells if isinstance(values, str) else len(values) >= 5


def test_studies_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        study.read("digit")
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({"dataset": "digits", "model": "vae"}))
    with pytest.raises(ValueError, match=r"other.yaml is not a study: .*'model'"):
        study.read(str(tmp_path / "other.yaml"))
    variant = {"m8": {"models": ["vae"], "num_samples": [1]}}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({"variants": variant}))
    with pytest.raises(ValueError, match=r"other.yaml is not a study: .*'num_samples'"):
        study.read(str(tmp_path / "other.yaml"))
    variant = {"title": "M", "models": ["vea"], "num_importance_samples": [1], "training": {}}
    plan = {"dataset": "digits", "num_importance_samples": [1], "models": {"vae": None}}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({**plan, "variants": {"m8": variant}}))
    with pytest.raises(ValueError, match=r"`model of m8` must be one of.*'vea'"):
        study.read(str(tmp_path / "other.yaml"))
    with pytest.raises(ValueError, match="`cell` must be one of"):
        reproduce.reproduce(reproduce.ReproduceConfig("digits", cells=("dvae9",)))
