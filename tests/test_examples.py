"""The examples run, end with a table of finite numbers, and stay short."""

import pathlib
import re
import runpy

import numpy as np
import pytest

import air_tf

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"
ROWS = {
    "breast_cancer_table.py": ["plain", "noise", "norm cap", "noise − plain", "norm cap − plain"],
    "counts_with_masking.py": ["plain", "masking", "masking − plain"],
    "digits_as_images.py": ["plain", "noise", "noise − plain"],
}
ROUNDING = 0.0151  # of a difference of two numbers with two decimals, and of itself


def test_every_example_is_tested_and_short():
    files = sorted(EXAMPLES.glob("*.py"))
    assert [file.name for file in files] == sorted(ROWS)
    assert all(len(file.read_text("utf-8").splitlines()) <= 60 for file in files)


@pytest.fixture
def quick_evaluation(monkeypatch):
    """Lets log p(x) be estimated roughly, for a few examples: compiled for tests, it is slow."""
    iw_svi = air_tf.evaluation.iw_svi

    def roughly(model, x, num_samples, *, max_steps, progress):
        return iw_svi(model, x[:5], 4, 2, max_steps=1, progress=progress)

    monkeypatch.setattr(air_tf.evaluation, "iw_svi", roughly)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_evaluation")
@pytest.mark.parametrize("name", ROWS)
def test_example_ends_with_a_table(name, capsys):
    runpy.run_path(str(EXAMPLES / name))["main"](seeds=(0, 1), epochs=1)
    _, *lines = capsys.readouterr().out.split("\n\n")[-1].splitlines()
    heading, *rows = lines
    assert re.split(r"\s{2,}", heading.strip()) == ["log p(x)", "ELBO", "log p(x) − ELBO"]
    table = {}
    for row in rows:
        title, *cells = re.split(r"\s{2,}", row)
        table[title] = np.array([[float(v) for v in cell.split(" ± ")] for cell in cells])
    assert list(table) == ROWS[name]
    for title, cells in table.items():
        assert cells.shape == (3, 2)  # three columns: a mean and its standard error
        assert np.isfinite(cells).all()
        assert (cells[:, 1] >= 0).all()
        log_likelihood, elbo, difference = cells[:, 0]
        assert abs(log_likelihood - elbo - difference) <= ROUNDING
        if " − " in title:
            regularized, plain = (table[name][:, 0] for name in title.split(" − "))
            assert (np.abs(cells[:, 0] - (regularized - plain)) <= ROUNDING).all()
