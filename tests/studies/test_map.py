"""The map: its plan, its trainings, its records and what is read from them."""

import numpy as np
import pytest

import air_tf
from air_tf import files
from studies.map import collect, figure, page, report, second_opinion
from studies.map import plan as plans
from studies.map import run as map_run
from studies.map.collect import Training
from tests.commands import refusal, run

LITTLE = """
evaluation: {num_samples: 20, num_validation: 10, num_test: 12}
data_sets:
  digits:
    dataset: digits
    training: {encoder_units: [8], decoder_units: [8], batch_size: 10}
    models: {vae: [{}], dwni_vae: [{noise_stddev: 0.4, max_norm: 0.5}]}
    sizes: {30: 4}
seeds: [0, 1]
more_seeds:
  - {data_set: digits, size: 30, cells: [vae], seeds: [2]}
"""


@pytest.fixture
def little_plan(tmp_path, monkeypatch):
    """The path of a plan of five short trainings."""
    monkeypatch.setattr(plans, "EPOCHS", 2)
    monkeypatch.setattr(plans, "EVALUATED_EPOCHS", (1, 2))
    effort = {"num_samples": 20, "num_train_samples": 4, "max_steps": 4}
    monkeypatch.setitem(air_tf.evaluation.QUALITIES, "fast", effort)
    path = tmp_path / "plan.yaml"
    path.write_text(LITTLE)
    return path


def test_the_plan_has_the_cells_that_it_names():
    plan = plans.read()
    assert set(plan.cells) == {
        *(f"digits_{size}" for size in (100, 300, 1000)),
        *(f"caltech_{size}" for size in (500, 1000, 2000, 4100)),
    }
    for cells in plan.cells.values():
        assert next(iter(cells)) == plans.BASELINE
        assert {"vae", "dvae_0.2"} <= set(cells)
        for cell in cells.values():
            assert cell.course.steps_per_epoch * plans.EPOCHS == cell.num_steps
    powerful = plan.cells["caltech_4100"]
    seeds = {name: cell.seeds for name, cell in powerful.items() if len(cell.seeds) > 3}
    assert seeds == {name: tuple(range(8)) for name in ("vae", "dvae_0.2")}
    cell = powerful["dwni_vae_0.2_3"]
    assert (cell.config.noise_stddev, cell.config.max_norm, cell.size) == (0.2, 3.0, 4100)


def test_a_seed_draws_its_own_images():
    data = air_tf.datasets.load("digits")
    draws = [plans.subset(data, 100, seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0].train, draws[1].train)
    assert (draws[0].train != draws[2].train).any()
    everything = {row.tobytes() for row in data.train}
    for draw in draws:
        assert len(draw.train) == 100
        assert {row.tobytes() for row in draw.train} <= everything
        np.testing.assert_array_equal(draw.test, data.test)


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
def test_the_command_trains_what_is_missing_and_collects_it(little_plan, tmp_path):
    work, out = tmp_path / "work", tmp_path / "records"
    options = ["--plan", little_plan, "--work", work]
    run(map_run, [*options, "--only", "digits_30/vae", "--seeds", 0])
    first = work / "digits_30" / "vae" / "seed0.npz"
    kept = first.read_bytes()
    run(map_run, options)
    assert first.read_bytes() == kept
    run(collect, [*options, "--out", out])
    record = files.read_json(out / "digits_30.json")
    seeds = {n: [t["seed"] for t in cell["trainings"]] for n, cell in record["cells"].items()}
    assert seeds == {"vae": [0, 1, 2], "dwni_vae_0.4_0.5": [0, 1]}
    for cell in record["cells"].values():
        for training in cell["trainings"]:
            *along, early = training["steps"]
            assert along == [2, 4]
            assert early in along  # each epoch ends with a validation
            for quantity in ("log_likelihood", "elbo", "validation"):
                early_value = training[quantity][along.index(early)]
                assert training[quantity][-1] == pytest.approx(early_value, abs=1e-3)
            assert training["versions"]["air_tf"] == air_tf.__version__
    assert "delta" not in record["cells"]["vae"]["stopped"]["end"]
    assert (
        len(record["cells"]["dwni_vae_0.4_0.5"]["stopped"]["end"]["delta"]["elbo"]["of_seeds"]) == 2
    )


def test_an_unknown_cell_is_refused(tmp_path, capsys):
    message = refusal(map_run, ["--only", "digits_7", "--work", tmp_path], capsys)
    assert "Received: only='digits_7'" in message


def made_up(generator, peak, shift=0.0):
    """A `Training` of 4 evaluations whose validation log p(x) is best at `peak`."""
    values = generator.normal(size=(2, 4, 20)) + shift
    validation = np.full((4, 5), -9.0)
    validation[peak] = -1.0
    validation[-1] = 7.0  # the weights that IWAE-64 chose do not count for log p(x)
    return Training(np.array([10, 20, 30, 20]), *values, validation, {"seconds": 1.0})


def test_a_record_has_the_differences_of_the_weights_that_each_rule_keeps():
    generator = np.random.default_rng(0)
    plan = plans.read()
    cells = plan.cells["caltech_500"]
    plain = {seed: made_up(generator, peak) for seed, peak in ((0, 0), (1, 1), (2, 2))}
    noisy = {seed: made_up(generator, peak, 3.0) for seed, peak in ((1, 2), (2, 0))}
    found = collect.record(plan, cells, {"vae": plain, "dvae_0.2": noisy})
    kept = {"iwae": (3, 3), "end": (2, 2)}
    peaks = {"vae": (1, 2), "dvae_0.2": (2, 0)}
    of_noise = found["cells"]["dvae_0.2"]["stopped"]
    for rule, entry in of_noise.items():
        ours = kept.get(rule, peaks["dvae_0.2"])
        theirs = kept.get(rule, peaks["vae"])
        for name, baseline in (("delta", theirs), ("delta_to_best_stopped", peaks["vae"])):
            differences = np.stack(
                [
                    noisy[seed].elbo[ours[n]] - plain[seed].elbo[baseline[n]]
                    for n, seed in enumerate((1, 2))
                ]
            )
            assert entry[name]["elbo"]["mean"] == pytest.approx(differences.mean())
            of_seeds = differences.mean(axis=1)
            np.testing.assert_allclose(entry[name]["elbo"]["of_seeds"], of_seeds, atol=1e-4)
            images = differences.mean(axis=0).std(ddof=1) / np.sqrt(20)
            error = np.hypot(images, of_seeds.std(ddof=1) / np.sqrt(2))
            assert entry[name]["elbo"]["standard_error"] == pytest.approx(error)
    assert of_noise["log_likelihood"]["steps"] == [30, 10]
    assert of_noise["iwae"]["steps"] == [20, 20]
    without = collect.record(plan, cells, {"vae": {7: plain[0]}, "dvae_0.2": noisy})
    assert "delta" not in without["cells"]["dvae_0.2"]["stopped"]["end"]  # no seed in common
    # The plain model has no difference from itself, only from itself at its best.
    of_plain = found["cells"]["vae"]["stopped"]
    assert not any("delta" in entry for entry in of_plain.values())
    assert set(of_plain["end"]["delta_to_best_stopped"]) == {
        "log_likelihood",
        "elbo",
        "inference_gap",
    }
    assert "delta_to_best_stopped" not in of_plain["log_likelihood"]


def delta(mean, of_seeds, error=0.1):
    return {"mean": mean, "standard_error": error, "of_seeds": of_seeds}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (delta(1.0, [0.9, 1.0, 1.1]), "holds"),
        (delta(-1.0, [-0.9, -1.0, -1.1]), "does not hold"),
        (delta(1.0, [0.0, 1.0, 2.0]), "undecided"),  # seeds differ
        (delta(1.0, [0.9, 1.0, 1.1], error=0.6), "undecided"),
        (delta(0.04, [0.04, 0.04, 0.04], error=0.001), "undecided"),  # rounding does as much
        (delta(1.0, [1.0]), "undecided"),
    ],
)
def test_a_difference_counts_beyond_its_errors(found, expected):
    assert report.verdict(found) == expected
    assert report.text(found).startswith("**") == (expected != "undecided")


def training(seed):
    return {"seed": seed, "seconds": 900.0, "versions": {"device": "a toaster"}}


def made_up_record(size, gain):
    def cell(model, strength, score, mean):
        def deltas(mean):
            return {
                "log_likelihood": delta(mean, [mean, mean, mean]),
                "inference_gap": delta(-2.0, [-2.0, -2.1, -1.9]),
            }

        stopped = {
            "validation": [score, score, score],
            "steps": [9, 9, 9],
            "log_likelihood": delta(score, [score, score, score]),
            "delta": deltas(mean),
            "delta_to_best_stopped": deltas(mean - (0.5 if strength else 1.5)),
        }
        return {
            "model": model,
            "strength": strength,
            "stopped": dict.fromkeys(report.TITLES, stopped),
            "trainings": [training(seed) for seed in range(3)],
        }

    cells = {
        "vae": cell("vae", {}, -9, 0),
        "dvae_0.1": cell("dvae", {"noise_stddev": 0.1}, -7, gain),
        "dvae_0.2": cell("dvae", {"noise_stddev": 0.2}, -8, gain + 5),
        "dwni_vae_0.2_3": cell("dwni_vae", {"noise_stddev": 0.2, "max_norm": 3}, -8, -1),
    }
    return {"data_set": "caltech", "size": size, "cells": cells}


def test_the_page_says_what_the_records_say(tmp_path):
    records = {"caltech_500": made_up_record(500, 2.0), "caltech_4100": made_up_record(4100, -0.5)}
    assert report.chosen(records["caltech_500"], "end")["dvae"] == "dvae_0.1"
    text = page.write(records)
    claim = text.split("## Claim 1")[1].split("\n## ")[0]
    noise, both = "**+2.00 ± 0.10** (σ = 0.1)", "**-1.00 ± 0.10** (σ = 0.2, H = 3)"
    assert f"| caltech | 500 | not stopped | {noise} |  | {both} |" in claim
    assert "**-0.50 ± 0.10** (σ = 0.1)" in claim
    assert "| caltech | 500 | **-1.50 ± 0.10** | **+1.50 ± 0.10** (σ = 0.1) |" in text
    assert "| σ = 0.2 | 3 | **+7.00 ± 0.10** |" in text
    assert "| caltech | 4,100 | 9, 9, 9: -9.00 ± 0.10 |" in text
    assert "24 trainings with their evaluations took 6.0 hours of processes on a toaster." in text
    rows = page.section(records).splitlines()
    noise = [row for row in rows if "| noise |" in row]
    assert [row.split(" | ")[2] for row in noise] == [
        "undecided (1 / 1 / 0), -0.50 to +2.00",
        "holds (2 / 0 / 0), -2.00 to -2.00",
    ]
    assert page.section({}) == ""
    figure.draw(tmp_path / "map.png", records)
    assert (tmp_path / "map.png").stat().st_size > 10_000


def test_the_strength_is_chosen_over_the_seeds_that_all_have():
    record = made_up_record(500, 2.0)
    more = record["cells"]["dvae_0.2"]  # better with a fourth seed, which the others do not have
    more["trainings"] = [*more["trainings"], training(3)]
    stopped = {**more["stopped"]["end"], "validation": [-8, -8, -8, 100]}
    more["stopped"] = dict.fromkeys(report.TITLES, stopped)
    assert report.chosen(record, "end")["dvae"] == "dvae_0.1"


def test_the_records_on_file_follow_the_plan():
    plan = plans.read()
    records = report.read()
    assert list(records) == list(plan.cells)
    for group, record in records.items():
        cells = plan.cells[group]
        assert record["num_steps"] == next(iter(cells.values())).num_steps
        assert list(record["cells"]) == list(cells)
        for name, cell in record["cells"].items():
            assert tuple(t["seed"] for t in cell["trainings"]) == cells[name].seeds
            assert cell["strength"] == cells[name].strength
            assert not any(t["versions"]["commit"].endswith("-dirty") for t in cell["trainings"])


def test_the_guide_has_the_numbers_of_the_records():
    """The table of docs/when_it_helps.md: of each size the noise that validation images chose."""
    guide = (plans.PATH.parents[2] / "docs" / "when_it_helps.md").read_text()
    for rule, words in (("end", "not stopped"), ("log_likelihood", "stopped by log p(x)")):
        found = []
        for record in report.read().values():
            cell = record["cells"][report.chosen(record, rule)["dvae"]]
            delta = cell["stopped"][rule]["delta"]["log_likelihood"]
            star = "*" if report.verdict(delta) == "undecided" else ""
            found.append(f"{delta['mean']:.2f} ± {delta['standard_error']:.2f}{star}")
        row = f"| {words} | {' | '.join(found)} |".replace("-", "−")
        assert row in guide


@pytest.mark.slow
@pytest.mark.usefixtures("without_xla")
def test_the_second_opinion_is_of_the_same_models(little_plan, tmp_path, monkeypatch):
    monkeypatch.setattr(second_opinion, "CELLS", {"digits_30": ("vae", "dwni_vae_0.4_0.5")})
    monkeypatch.setattr(second_opinion, "NUM_TEMPERATURES", 20)
    effort = {"num_samples": 50, "num_train_samples": 4, "max_steps": 4}
    monkeypatch.setitem(air_tf.evaluation.QUALITIES, "tight", effort)
    work, out = tmp_path / "work", tmp_path / "second_opinion.json"
    options = ["--plan", little_plan, "--work", work, "--out", out, "--num-images", 8]
    run(second_opinion, options)
    record = files.read_json(out)
    found = record["groups"]["digits_30"]
    values = [np.load(work / "digits_30" / name / "seed1.npz")["ais"] for name in found["cells"]]
    assert values[0].shape == (8,)
    assert set(found["delta"]) == set(report.ESTIMATORS)
    difference = [cell["ais"]["mean"] for cell in found["cells"].values()]
    assert found["delta"]["ais"]["mean"] == pytest.approx(difference[1] - difference[0])
    monkeypatch.setattr(air_tf.evaluation, "ais", None)  # nothing is evaluated again
    run(second_opinion, options)
    assert files.read_json(out)["groups"] == record["groups"]
    *_, text, words = page._second_opinion(record)
    assert f"{found['delta_ais_minus_map']['mean']:z.2f} ± " in words
    assert "| digits_30/vae |" in text
    assert f"{found['delta']['ais']['mean']:.2f} ± " in text
