"""RESULTS.md and its pages agree with the records, the committed ones with those committed."""

import pathlib
import re

import numpy as np
import pytest

import air_tf
from air_tf import files
from studies import curves, records, study, tables

ROOT = pathlib.Path(__file__).parents[2]
WITHOUT = "the value without regularization"


def write_final(folder, cell, seed, arrays, study="digits", history=(), version=None, **config):
    path = folder / study / cell / f"seed{seed}.json"
    values = records.write_per_example(path, arrays)
    config = {"noise_stddev": None, "max_norm": None, "seed": seed, "epochs": 90, **config}
    record = {"config": config, "per_example": values, **dict(history)}
    test = {"mean_steps": 200 + 10 * seed, "config": {"num_train_samples": 8, "max_steps": 500}}
    if version is not None:
        test["versions"] = {"air_tf": version}
    record |= {"training": {"best_epoch": 50 + seed}, "test": test}
    files.write_json(path, record)


def write_search(folder, cell, key, scores, curves, plain, epochs=90, count=400):
    """A search with one trial for each strength: its score, and its gain over the plain model."""
    path = folder / "digits" / cell / "search.json"
    trials = [
        {"trial_id": str(s), "score": score, "hyperparameters": {key: s}}
        for s, score in scores.items()
    ]
    arrays = {
        f"{strength}_{bound}": (plain[bound][:400] + added)[:count]
        for bound, curve in curves.items()
        for strength, added in curve.items()
    }
    config = {"seed": 0, "epochs": epochs, "batch_size": 100}
    values = records.write_per_example(path, arrays)
    files.write_json(path, {"config": config, "trials": trials, "per_example": values})


def write_tables(folder):
    """{name of each page, or "RESULTS": its text}."""
    tables.tables(tables.TablesConfig(str(folder), str(folder.parent)))
    documents = [folder.parent / "RESULTS.md", *folder.glob("*.md")]
    return {path.stem: path.read_text() for path in documents}


def of_study(folder, study, cells):
    return records.read(folder / study, cells)[records.STUDY_VERSION]


def claim(pages, number):
    """The section of a claim."""
    return pages["claims"].split(f"\n## {number}. ")[1].split("\n## ")[0]


def error(values):
    return np.std(values, ddof=1) / np.sqrt(len(values))


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
    gains = {
        "importance_log_likelihood": {0.1: -0.5, 0.2: 1.0, 0.8: -3.0},
        "log_likelihood": {0.1: 1.0, 0.2: -0.5, 0.8: -3.0},
    }
    curves = {
        bound: {strength: by * gain[:400] for strength, by in curve.items()}
        for bound, curve in gains.items()
    }
    scores = {0.2: -25.0, 0.1: -25.5, 0.8: -26.0}
    write_search(folder, "dvae", "noise_stddev", scores, curves, plain[0])
    return folder, plain, gain


def test_says_what_the_records_say(results):
    folder, plain, gain = results
    pages = write_tables(folder)
    text = pages["digits"]
    assert "(figures/digits_strength.png)" in text
    assert (folder / "figures" / "digits_strength.png").exists()
    both = (plain[0]["log_likelihood"] + plain[1]["log_likelihood"]) / 2
    assert f"| vae |  | 50, 51 of 90 | {both.mean():.2f} ± {error(both):.2f} |" in text
    assert "| 205 |" in text
    # Paired, over the only seed that both have.
    delta = f"{gain.mean():.2f} ± {error(gain):.2f}"
    assert "| dvae | σ = 0.2 | 51 of 90 |" in text
    assert f"| 210 | {delta} | 0.00 ± 0.00 |" in text
    assert f"{plain[1]['log_likelihood'].mean() + gain.mean():.2f} | {gain.mean():.2f} |" in text
    # The variation between seeds is not known.
    by_noise = f"At k = 1, log p(x) and the inference gap change by {delta} and 0.00 ± 0.00 nats"
    assert f"\n{by_noise} with noise. Of 1 trainings with a regularizer, " in text
    assert f"| digits | dvae − vae | {delta} | undecided | 1 |" in claim(pages, 1)
    assert "| digits | dvae − vae | 0.00 ± 0.00 | undecided | 1 |" in claim(pages, 2)
    some = gain[:400]
    assert f"0.1: {some.mean():.2f} ± " in text
    # The strength that validation images choose is good by one bound and bad by the other.
    good, bad = (f"{by * some.mean():.2f} ± {abs(by) * error(some):.2f}" for by in (1, -0.5))
    third = claim(pages, 3)
    assert f"| digits | dvae at σ = 0.2 − vae | {good} | undecided | 1 |" in third
    assert f"| digits | dvae at σ = 0.2 − vae | {bad} | undecided | 1 |" in third
    assert f"| *IWAE-5000 is above {WITHOUT}* | *not run* |  | *0 / 0 / 1 (1 of 1)* |" in third
    assert f"| log p(x) is above {WITHOUT} | not run |  | 0 / 0 / 1 (0 of 1) |" in third
    planned = "vae (seed 2); dvae (seed 0, 2); wni_vae (seed 0, 1, 2); "
    assert f"\nPlanned and not run yet: {planned}" in text
    # Studies without any record are planned; the published values of others are there.
    assert pages["omniglot"].startswith(
        "# omniglot: omniglot28/lake\n\n[README.md](README.md) says"
    )
    assert "\nPlanned and not run yet: vae (seed 0, 1, 2)" in pages["omniglot"]
    assert (
        "| IWAE-50, one stochastic layer | -87.10 | Burda et al. 2015, Table 3 |" in pages["mnist"]
    )


def test_seeds_count_too(results):
    """Three seeds that gain 1 nat, then three whose gains differ by more than their mean."""
    folder, plain, gain = results
    write_final(folder, "vae", 2, plain[1])
    for spread, verdict in ((0.1, "holds"), (2.0, "undecided")):
        for seed, base in ((0, plain[0]), (1, plain[1]), (2, plain[1])):
            better = {name: values + gain + spread * (seed - 1) for name, values in base.items()}
            better["elbo"] = better["elbo"] + (0.5 if seed else -0.5)
            write_final(folder, "dvae", seed, better)
        delta = f"{gain.mean():.2f} ± {error(gain):.2f}"
        pages = write_tables(folder)
        assert f"| digits | dvae − vae | {delta} | {verdict} | 3 |" in claim(pages, 1)
        tally = "1 / 0 / 0 (3 of 3)" if verdict == "holds" else "0 / 0 / 1 (2 of 3)"
        assert f"| log p(x) is higher | not run |  | {tally} |" in claim(pages, 1)
        # The single seed of a search varies as much: its σ = 0.2 gains 1 nat by one bound.
        some = f"{gain[:400].mean():.2f} ± {error(gain[:400]):.2f}"
        assert f"| dvae at σ = 0.2 − vae | {some} | {verdict} | 1 |" in claim(pages, 3)
        assert "(2 of 3)" in claim(pages, 2)


def test_searches_of_another_length_and_of_two_k(results):
    """A search that is shorter than the plain training is compared with its weakest strength."""
    folder, plain, gain = results
    some = gain[:400]
    for cell, strongest in {"wni_vae": -8, "wni_iwae8": -2}.items():
        scores = {4.0: -26.0, 2.0: -25.5, 1.0: -27.0}
        if cell == "wni_iwae8":
            write_final(folder, "iwae8", 0, plain[0])
            scores[1.0] = -24.0
        curve = {4.0: -5.0, 2.0: -5 + some, 1.0: -5 + strongest * some}
        curves = dict.fromkeys(records.CURVES, curve)
        count = 400 if cell == "wni_vae" else 300
        write_search(folder, cell, "max_norm", scores, curves, plain[0], 40, count)
    pages = write_tables(folder)
    up = f"{some.mean():.2f} ± {error(some):.2f}"
    line = f"| wni_vae at H = 2 − the weakest | {up} | undecided (not counted: the plain model has"
    assert line in claim(pages, 3)
    shared = gain[:300]
    less = f"{9 * shared.mean():.2f} ± {9 * error(shared):.2f}"  # at k = 8 the strongest is chosen
    assert f"| wni_iwae8 against wni_vae, H | {less} | undecided | 1 |" in claim(pages, 4)
    assert "| wni_iwae8 against wni_vae | H from 2 to 1 | holds | 1 |" in claim(pages, 4)


def test_variants(results):
    """A large encoder loses what the DVAE gains; with two seeds of m, the VAE overfits."""
    folder, plain, gain = results
    for seed, arrays in plain.items():
        worse = {**arrays, "log_likelihood": arrays["log_likelihood"] - gain}
        write_final(folder, "vae_large_encoder", seed, worse)
        for name, end in {"vae_m1": 1.0, "dvae_m1": 0.5, "vae_m64": 4.0, "dvae_m64": 0.5}.items():
            curve = [-30.0, -25.0 - 0.01 * seed, -25.0 - 0.03 * seed - end]
            better = arrays["log_likelihood"] + (1 if name == "vae_m64" else 0)
            changed = {**arrays, "log_likelihood": better}
            history = {"val_elbo": curve}
            write_final(folder, name, seed, changed, history=history, validation_freq=10)
    history = {"val_elbo": [-30.0, -25.0, -34.0]}
    write_final(folder, "vae_m8", 1, plain[1], history=history, validation_freq=10)
    pages = write_tables(folder)
    loss = f"-{gain.mean():.2f} ± {error(gain):.2f}"
    for verdict in ("holds", "does not hold"):  # lower log p(x), and a lower gap
        row = f"| digits | vae_large_encoder − vae | {loss} | {verdict} | 2 |"
        assert row in claim(pages, 6)
    overfitting = claim(pages, 8)
    # m = 8 has only seed 1, whose loss at m = 1 is 1.02.
    assert "| vae, m = 8 − m = 1 | 7.98 | undecided | 1 |" in overfitting
    assert "| vae, m = 64 − m = 1 | 3.00 ± 0.00 | holds | 2 |" in overfitting
    assert "| dvae, m = 64 | 0.51 ± 0.01 | does not hold | 2 |" in overfitting
    assert "| vae − dvae, m = 64 | 3.50 ± 0.00 | holds | 2 |" in overfitting
    assert (folder / "figures" / "digits_training.png").exists()
    # Against the plain model of the same variant; these claims have no line for a plain model.
    of_m = "dvae_m64 − vae_m64 | -1.00 ± 0.00 | does not hold (not counted: a variant) | 2 |"
    assert of_m in claim(pages, 1)
    assert "vae_large_encoder" not in claim(pages, 1)
    assert "dvae_m1 " not in claim(pages, 1)  # that is dvae
    assert "| digits | vae_large_encoder | -" in claim(pages, 7)  # below IWAE-5000 here
    assert "\n## Larger encoder (table 4)\n" in pages["digits"]
    assert pages["digits"].count("\n## Monte Carlo samples (figure 4)\n") == 1


def test_verdict_on_a_claim(results):
    """The common verdict on the paper's data sets; the digits do not count."""
    folder, plain, gain = results
    assert "Here: not run yet." in claim(write_tables(folder), 1)
    for cell, sign in {"vae": 0, "dvae": 1, "wni_vae": -3}.items():
        for seed, arrays in plain.items():
            changed = {**arrays, "log_likelihood": arrays["log_likelihood"] + sign * gain}
            write_final(folder, cell, seed, changed, study="caltech")
        if cell == "dvae":
            here = "Here: **holds** (1 / 0 / 0): higher in 1 of 1 comparisons, "
            assert here in claim(write_tables(folder), 1)
    pages = write_tables(folder)
    text = claim(pages, 1)
    number = f"higher in 1 of 2 comparisons, -{gain.mean():.2f} nats in the mean"
    assert f"Here: **undecided** (1 / 1 / 0): {number}." in text
    line = r"\| 1\. Regularizing .* \| \*\*undecided\*\* \| " + re.escape(number) + r" \|"
    assert re.search(line, pages["RESULTS"])
    of_caltech = "4 trainings with a regularizer, 2 have a smaller inference gap"
    of_caltech = f"Of {of_caltech} than the plain model of the same k and seed, and 2 have"
    assert f"(results/caltech.md), caltech101_silhouettes. {of_caltech}" in pages["RESULTS"]
    assert "| log p(x) is higher | undecided | 1 / 1 / 0 (2 of 4) |" in text
    mean = f"-{gain.mean():.2f} ± {error(gain):.2f}"
    assert f"| caltech | 2 models | {mean} | does not hold | 2 |" in text


def test_bounds_to_stop_by(results):
    """Two seeds that stop by IW-SVI, after 3 and after 2 validations of 20 epochs each."""
    folder, plain, _ = results
    for seed, length in ((0, 3), (1, 2)):
        bounds = {"val_iwae": [-3.0, -2.0, -4.0], "val_iw_svi": [-3.0, -2.0, -1.0]}
        history = {name: values[:length] for name, values in bounds.items()}
        options = {"study": "caltech", "history": history, "validation_freq": 20}
        write_final(folder, "vae_iw_svi", seed, plain[seed], **options)
    plan = study.read("caltech")
    lines = list(curves.to_stop_by(plan, of_study(folder, "caltech", plan.cells)))
    assert lines == [
        ("val_iwae", "vae", 20, [[-3.0, -2.0, -4.0], [-3.0, -2.0]]),
        ("val_iw_svi", "vae", 20, [[-3.0, -2.0, -1.0], [-3.0, -2.0]]),
    ]
    assert "(figures/caltech_stopping.png)" in write_tables(folder)["caltech"]
    assert (folder / "figures" / "caltech_stopping.png").exists()


def test_values_must_be_those_of_the_record(results):
    folder, _, _ = results
    file = folder / "digits" / "vae" / "seed1.npz"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="must match their record"):
        records.read(folder / "digits", ["vae"])


def test_versions_are_not_compared(results):
    """Cells and a seed that a newer version evaluated, beside records of the first one."""
    folder, plain, _ = results
    write_final(folder, "vae", 0, plain[0], study="mnist")
    before = write_tables(folder)
    for cell, seed in {"vae_burda": 0, "dvae": 1, "vae": 1}.items():
        write_final(folder, cell, seed, plain[1], study="mnist", version="0.2.1")
    found = records.read(folder / "mnist", study.read("mnist").cells)
    assert {version: list(cells) for version, cells in found.items()} == {
        "0.1": ["vae"],
        "0.2": ["vae", "dvae", "vae_burda"],
    }
    assert [cells["vae"].version for cells in found.values()] == ["0.1", "0.2"]
    assert [cells["vae"].shared_seeds(cells["vae"]) for cells in found.values()] == [[0], [1]]
    pages = write_tables(folder)
    burda = pages["mnist"].split("\n## The schedule of Burda et al.\n")[1].split("\n## ")[0]
    how = "IW-SVI of air_tf 0.2, k̂ = 8, at most 500 steps."
    assert burda.strip().startswith(f"The first 500 test images; {how}\n")
    (row,) = re.findall(r"^\| vae_burda \|.*", burda, re.MULTILINE)
    assert " | 200 |  |  | " in row  # T, and no differences: seed 0 of vae is of the other version
    (row,) = re.findall(r"^\| dvae \|.*", pages["mnist"], re.MULTILINE)
    assert " | 210 | 0.00 ± 0.00 | 0.00 ± 0.00 | " in row  # from seed 1 of vae
    assert "\nPlanned and not run yet: dvae (seed 0); wni_vae (seed 0, 1); " in pages["mnist"]
    # Except for the page of the data set, nothing changes.
    assert {name for name in pages if pages[name] != before[name]} == {"mnist"}


def test_the_committed_documents_are_those_of_the_committed_records(tmp_path):
    tables.tables(tables.TablesConfig(str(ROOT / "results"), str(tmp_path)))
    written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*.md")]
    others = ("claims", "map", "estimators", "refit", "second_opinions")
    pages = {f"results/{name}.md" for name in (*study.names(), *others)}
    assert set(map(str, written)) == {"RESULTS.md", *pages}
    different = [p for p in written if (tmp_path / p).read_text() != (ROOT / p).read_text()]
    assert different == []
    assert len((ROOT / "RESULTS.md").read_text().split()) < 900
    drawn, committed = (
        {path.name: path.read_bytes() for path in (root / "results/figures").iterdir()}
        for root in (tmp_path, ROOT)
    )
    assert drawn.keys() == committed.keys()
    assert [name for name in drawn if drawn[name] != committed[name]] == []


def test_links_lead_somewhere():
    """To a file, and to one of its headings, whose name is made as GitHub does."""
    documents = [ROOT / "RESULTS.md", ROOT / "README.md", ROOT / "saved_models/README.md"]
    lost = []
    for document in [*documents, *(ROOT / "results").glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
            if ":" in link:
                continue
            path, _, heading = link.partition("#")
            target = document.parent / path if path else document
            if not target.exists() or (heading and heading not in headings(target)):
                lost.append((document.name, link))
    assert lost == []


def headings(path):
    titles = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def test_the_readme_counts_trainings_as_the_results_do():
    readme = (ROOT / "README.md").read_text()
    pages = {"claims": (ROOT / "results/claims.md").read_text()}
    questions = {"the gap is lower": 2, "log p(x) is higher": 1, "IWAE-5000 is higher": 1}
    columns = []
    for question, number in questions.items():
        pattern = rf"^\| \*?{re.escape(question)}\*? \|.*"
        (row,) = re.findall(pattern, claim(pages, number), re.MULTILINE)
        columns.append(re.findall(r"\((\d+ of \d+)\)", row))
    higher = [sum(int(count.split()[0]) for count in column) for column in columns]
    total = sum(int(count.split()[-1]) for count in columns[0])
    said = (
        f"the gap is smaller in {higher[0]} of {total} trainings and log p(x) is higher in "
        f"{higher[1]}. IWAE-5000, which uses the encoder's q(z|x), is higher in {higher[2]}."
    )
    assert said in " ".join(readme.split())


def test_gaps_are_differences_of_bounds(results):
    folder, plain, _ = results
    cell = of_study(folder, "digits", ["vae"])["vae"]
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
