"""The demo and the search for its strengths, on few digits and steps."""

import dataclasses
import json

import numpy as np
import pytest

import air_tf
from air_tf import files
from tests.commands import refusal, run
from trainers import demo, demo_report, demo_strengths, demo_training, trajectory
from trainers.demo import DemoConfig
from trainers.demo_strengths import DemoStrengthsConfig
from trainers.over_seeds_and_images import over_seeds_and_images

ESTIMATE = {"mean", "standard_error"}


@pytest.fixture
def little_work(monkeypatch):
    """Few digits, two epochs, and evaluations of a few steps."""
    data = air_tf.datasets.load("digits")
    few = dataclasses.replace(data, validation=data.validation[:20], test=data.test[:30])
    monkeypatch.setattr(air_tf.datasets, "load", lambda name: few)
    monkeypatch.setattr(demo_training, "EPOCHS", 2)
    monkeypatch.setattr(demo_training, "EVALUATED_EPOCHS", (1, 2))
    effort = {"num_samples": 20, "num_train_samples": 4, "max_steps": 4}
    monkeypatch.setitem(air_tf.evaluation.QUALITIES, "fast", effort)


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla", "little_work")
def test_the_demo_writes_its_summary_and_pictures(tmp_path, capsys):
    out = tmp_path / "demo"
    run(demo, ["--out", out, "--num-steps", 4, "--num-samples", 20, "--seeds", 5, 7])
    summary = json.loads((out / "summary.json").read_text())
    assert set(summary) == {"runs", "comparisons", "lost"}
    assert list(summary["lost"]) == ["vae", "dvae", "wni_vae"]
    for lost in summary["lost"].values():
        assert all(set(gap) == ESTIMATE for gap in lost.values())
        parts = sum(lost[name]["mean"] for name in ("decoder_gap", "encoder_gap", "family_gap"))
        assert lost["elbo_gap"]["mean"] == pytest.approx(parts, abs=1e-4)
    runs = [(r["seed"], r["model"], r["stopped"]) for r in summary["runs"]]
    models = ("vae", "dvae", "wni_vae")
    assert runs == [(s, m, e) for m in models for s in (5, 7) for e in ("end", "early")]
    bounds = {"log_likelihood", "elbo", "inference_gap"}
    settings = {"model", "num_importance_samples", "noise_stddev", "max_norm", "seed", "stopped"}
    chosen = demo_strengths.chosen()
    for entry in summary["runs"]:
        assert set(entry) == settings | bounds
        assert all(set(entry[name]) >= ESTIMATE for name in bounds)
        assert entry["num_importance_samples"] == 1
        strength = {name: entry[name] for name in ("noise_stddev", "max_norm")}
        assert strength == {"noise_stddev": 0.0, "max_norm": None, **chosen[entry["model"]]}
    compared = [(c["stopped"], c["model"], c["baseline"]) for c in summary["comparisons"]]
    assert compared == [(e, m, "vae") for e in ("end", "early") for m in models[1:]]
    of_run = {(r["model"], r["stopped"], r["seed"]): r for r in summary["runs"]}
    for entry in summary["comparisons"]:
        deltas = {"delta_log_likelihood", "delta_inference_gap"}
        assert set(entry) == {"model", "baseline", "stopped"} | deltas
        for name in deltas:
            assert set(entry[name]) == ESTIMATE
            mean = {
                model: np.mean(
                    [
                        of_run[model, entry["stopped"], seed][name.removeprefix("delta_")]["mean"]
                        for seed in (5, 7)
                    ]
                )
                for model in (entry["model"], "vae")
            }
            difference = mean[entry["model"]] - mean["vae"]
            assert entry[name]["mean"] == pytest.approx(difference, abs=1e-5)
    assert {path.name for path in out.glob("*.png")} == {
        *("samples.png", "training.png", "generalization.png"),
    }
    printed = capsys.readouterr().out
    assert "lost from training to test digits" in printed
    assert "30 test digits, mean over 2 seeds" in printed
    assert demo_report.in_words(summary["comparisons"]) in printed
    assert "SavedModel of the DVAE, reloaded" in printed


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla", "little_work")
def test_a_restarted_model_trains_as_a_fresh_one():
    data = demo_training.load_digits()
    used, same, fresh = (
        demo_training.build("dvae", {"noise_stddev": 0.4}, seed, data) for seed in (1, 2, 2)
    )
    course = demo_training.course(4)
    trajectory.fit(used, data, 1, course)
    trajectory.restart(used, same)
    for model in (used, fresh):
        trajectory.fit(model, data, 2, course)
    for ours, theirs in zip(used.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", 1], "`seeds` must be at least two different ones"),
        (["--seeds", 1, 1], r"Received: seeds=(1, 1)"),
        (["--num-steps", 50], "must be a multiple of 40. Received: num_steps=50"),
        (["--num-samples", 0], "Received: num_samples=0"),
    ],
)
def test_bad_options_give_one_sentence_and_leave_no_folder(arguments, message, tmp_path, capsys):
    assert message in refusal(demo, [*arguments, "--out", tmp_path / "demo"], capsys)
    assert not (tmp_path / "demo").exists()


def test_the_error_is_that_of_new_seeds_and_images():
    """Two-way data with known variances: the error against the spread of the means."""
    generator = np.random.default_rng(0)
    seeds, images, repeats = 3, 40, 4000
    of_seed, of_image, of_both = 0.3, 2.0, 1.0  # standard deviations
    values = (
        of_seed * generator.standard_normal((repeats, seeds, 1))
        + of_image * generator.standard_normal((repeats, 1, images))
        + of_both * generator.standard_normal((repeats, seeds, images))
    )
    found = [over_seeds_and_images(value) for value in values]
    means = np.array([estimate["mean"] for estimate in found])
    np.testing.assert_allclose(means, values.mean(axis=(1, 2)))
    both = of_both**2 / (seeds * images)
    variance = of_seed**2 / seeds + of_image**2 / images + both
    assert means.var() == pytest.approx(variance, rel=0.1)
    # The formula counts what is of both once for the seeds and once for the images.
    estimated = np.mean([estimate["standard_error"] ** 2 for estimate in found])
    assert estimated == pytest.approx(variance + both, rel=0.05)


def comparison(model, stopped, log_likelihood, gap):
    deltas = {"delta_log_likelihood": log_likelihood, "delta_inference_gap": gap}
    as_estimates = {
        name: {"mean": mean, "standard_error": error} for name, (mean, error) in deltas.items()
    }
    return {"model": model, "baseline": "vae", "stopped": stopped, **as_estimates}


def test_the_line_says_which_claims_are_significant():
    line = demo_report.in_words(
        [
            comparison("dvae", "end", (2.08, 0.08), (-4.5, 0.2)),
            comparison("wni_vae", "end", (-0.31, 0.1), (0.29, 0.1)),
            comparison("dvae", "early", (0.3, 0.1), (-0.5, 0.1)),
        ]
    )
    assert line == (
        "Not stopped, against the plain VAE: with DVAE log p(x) is higher by 2.08 ± 0.08 nats, "
        "the gap is smaller by 4.50 ± 0.20 nats; with WNI-VAE log p(x) is lower by 0.31 ± 0.10 "
        "nats, the gap does not differ significantly (0.29 ± 0.10). "
        "Stopped early, against the plain VAE: with DVAE log p(x) does not differ significantly "
        "(0.30 ± 0.10), the gap is smaller by 0.50 ± 0.10 nats."
    )


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla", "little_work")
def test_the_search_writes_its_record(tmp_path, capsys, monkeypatch):
    grid = [("vae", {}), ("dvae", {"noise_stddev": 0.2}), ("dvae", {"noise_stddev": 9.0})]
    monkeypatch.setattr(demo_strengths, "GRID", grid)
    path = tmp_path / "record.json"
    run(demo_strengths, ["--out", path, "--seeds", 1, 2, "--num-steps", 2])
    record = files.read_json(path)
    assert set(record) == {"command", "config", "versions", "trials"}
    trials = [(t["model"], t["strength"], t["seed"]) for t in record["trials"]]
    assert trials == [(*cell, seed) for cell in grid for seed in (1, 2)]
    assert all(set(trial["log_likelihood"]) >= ESTIMATE for trial in record["trials"])
    assert set(demo_strengths.chosen(path)) == {"vae", "dvae"}
    assert "dvae: {'noise_stddev': " in capsys.readouterr().out


def test_the_best_mean_over_seeds_is_chosen(tmp_path):
    scores = {0.2: (-3.0, -1.0), 0.4: (-2.1, -1.8), 0.8: (-0.5, -9.0)}
    trials = [
        {"model": "dvae", "strength": {"noise_stddev": key}, "log_likelihood": {"mean": score}}
        for key, of_seeds in scores.items()
        for score in of_seeds
    ]
    files.write_json(tmp_path / "record.json", {"trials": trials})
    assert demo_strengths.chosen(tmp_path / "record.json") == {"dvae": {"noise_stddev": 0.4}}


def test_the_record_is_of_the_demos_steps_and_of_other_seeds():
    record = files.read_json(demo_strengths.RECORD)
    assert record["config"]["num_steps"] == DemoConfig.num_steps == DemoStrengthsConfig.num_steps
    assert not set(record["config"]["seeds"]) & set(DemoConfig.seeds)
    trained = {(t["model"], *t["strength"].items(), t["seed"]) for t in record["trials"]}
    seeds = record["config"]["seeds"]
    planned = {
        (name, *strength.items(), s) for name, strength in demo_strengths.GRID for s in seeds
    }
    assert trained == planned
    assert not record["versions"]["commit"].endswith("-dirty")
