"""RESULTS.md says what the records say, and the committed one what the committed records say."""

import pathlib

import numpy as np
import pytest

import air_tf
from trainers import records, run_folder, tables
from trainers.reproduce import _write_per_example

ROOT = pathlib.Path(__file__).parents[2]


def write_final(folder, cell, seed, arrays, val_elbo=(), **config):
    path = folder / "digits" / cell / f"seed{seed}.json"
    values = _write_per_example(path, arrays)
    config = {"noise_stddev": None, "max_norm": None, "seed": seed, **config}
    record = {"config": config, "per_example": values, "val_elbo": val_elbo}
    run_folder.write_json(path, record)


@pytest.fixture
def results(tmp_path):
    """Made-up records of three cells: the DVAE gains 1 nat ± little, and its σ is 0.2."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "results"
    plain = {}
    for seed in (0, 1):
        plain[seed] = {name: rng.normal(-25, 1, 500) for name in records.BOUNDS}
        write_final(folder, "vae", seed, plain[seed])
    gain = rng.normal(1, 0.1, 500)
    better = {name: values + gain for name, values in plain[1].items()}
    write_final(folder, "dvae", 1, better, noise_stddev=0.2)
    trials = [
        {"trial_id": str(s), "score": -25 - s, "hyperparameters": {"noise_stddev": s}}
        for s in (0.2, 0.1, 0.8)
    ]
    curves = {
        "importance_log_likelihood": {"0.1": -0.5, "0.2": 1.0, "0.8": -3.0},
        "log_likelihood": {"0.1": 1.0, "0.2": -0.5, "0.8": -3.0},
    }
    path = folder / "digits" / "dvae" / "search.json"
    arrays = {
        f"{strength}_{bound}": plain[0][bound][:400] + gain[:400] * by
        for bound, curve in curves.items()
        for strength, by in curve.items()
    }
    values = _write_per_example(path, arrays)
    run_folder.write_json(path, {"config": {"seed": 0}, "trials": trials, "per_example": values})
    return folder, plain, gain


def test_says_what_the_records_say(results, tmp_path):
    folder, plain, gain = results
    tables.tables(tables.TablesConfig(str(folder), str(folder / "figures"), str(tmp_path / "R.md")))
    text = (tmp_path / "R.md").read_text()
    assert "(results/figures/digits_strength.png)" in text
    assert (folder / "figures" / "digits_strength.png").exists()
    both = (plain[0]["log_likelihood"] + plain[1]["log_likelihood"]) / 2
    error = both.std(ddof=1) / np.sqrt(500)
    assert f"| vae |  | {both.mean():.2f} ± {error:.2f} |" in text
    # Paired, and over the seed that both have alone.
    delta = f"{gain.mean():.2f} ± {gain.std(ddof=1) / np.sqrt(500):.2f}"
    assert "| dvae | σ = 0.2 |" in text
    assert f"| {delta} | 0.00 ± 0.00 |" in text
    assert f"digits: k = 1, dvae: {delta}, holds." in text
    assert "digits: k = 1, dvae: 0.00 ± 0.00, undecided." in text
    above = 1.5 * gain[:400].mean()
    assert (
        f"IWAE-5000 of dvae, noise_stddev: best on test at 0.2, above the ends 0.1 and 0.8 by "
        f"{above:.2f}" in text
    )
    assert "log p(x) of dvae, noise_stddev: best on test at 0.1" in text
    assert f"0.1: {gain[:400].mean():.2f} ± " in text
    assert "dvae (seed 0, 2)" in text
    assert "seed 0" not in text.split("Planned and not run yet: vae (seed 2)")[0]


def test_variants(results, tmp_path):
    """A large encoder that loses what the DVAE gains; two seeds of m, of which the VAE overfits."""
    folder, plain, gain = results
    for seed, arrays in plain.items():
        worse = {**arrays, "log_likelihood": arrays["log_likelihood"] - gain}
        write_final(folder, "vae_large_encoder", seed, worse)
        for name, end in {"vae_m1": 1.0, "vae_m64": 4.0, "dvae_m64": 0.5}.items():
            curve = [-30.0, -25.0 - 0.01 * seed, -25.0 - 0.02 * seed - end]
            write_final(folder, name, seed, arrays, val_elbo=curve, validation_freq=10)
    tables.tables(tables.TablesConfig(str(folder), str(folder / "figures"), str(tmp_path / "R.md")))
    text = (tmp_path / "R.md").read_text()
    loss = f"-{gain.mean():.2f} ± {gain.std(ddof=1) / np.sqrt(500):.2f}"
    assert (
        f"vae_large_encoder − vae: log p(x) {loss}, holds; inference gap {loss}, does not" in text
    )
    assert "vae: the validation ELBO ends below its best by 1.00 ± 0.00 (m = 1), 4.00" in text
    assert "m = 64, that of vae − that of dvae: 3.50 ± 0.00, holds." in text
    assert (folder / "figures" / "digits_training.png").exists()
    # What a variant does has no place in the comparison of the rows.
    assert f"digits: k = 1, dvae: {gain.mean():.2f}" in text


def test_values_must_be_those_of_the_record(results):
    folder, _, _ = results
    file = folder / "digits" / "vae" / "seed1.npz"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="must be those of their record"):
        records.read(folder / "digits", ["vae"])


def test_the_committed_document_is_that_of_the_committed_records(tmp_path):
    config = tables.TablesConfig(
        str(ROOT / "results"), str(tmp_path / "results/figures"), str(tmp_path / "RESULTS.md")
    )
    tables.tables(config)
    assert (tmp_path / "RESULTS.md").read_text() == (ROOT / "RESULTS.md").read_text()
    drawn = {path.name for path in (tmp_path / "results/figures").iterdir()}
    assert drawn == {path.name for path in (ROOT / "results/figures").iterdir()}


def test_gaps_are_differences_of_bounds(results):
    folder, plain, _ = results
    cell = records.read(folder / "digits", ["vae"])["vae"]
    bounds = {
        name: np.float64(np.float32([plain[0][name], plain[1][name]])) for name in records.BOUNDS
    }
    for gap, (high, low) in {
        "inference_gap": ("log_likelihood", "elbo"),
        "approximation_gap": ("log_likelihood", "optimal_elbo"),
        "amortization_gap": ("optimal_elbo", "elbo"),
    }.items():
        expected = np.mean(bounds[high] - bounds[low], axis=0)
        np.testing.assert_allclose(cell.estimate(gap).per_example, expected, atol=1e-12)
        assert gap in vars(air_tf.evaluation.InferenceGaps)
