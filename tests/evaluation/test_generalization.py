"""What a model loses from training to test data."""

import matplotlib.figure
import numpy as np
import pytest

import air_tf
from tests.linear_gaussian import X, exact_elbo, linear_model, log_p

EFFORT = {"num_samples": 2000, "max_steps": 100, "progress": False}


def test_the_parts_are_exact_on_the_linear_gaussian_model():
    """The ELBO and log p(x) have closed forms, and the family holds the posterior."""
    model = linear_model(loc_shift=0.4, scale_factor=0.8)
    train, test = X[:25], X[25:]
    found = air_tf.evaluation.generalization(model, train, test, **EFFORT)
    elbo, log_likelihood = exact_elbo(model), log_p(X)

    def lost(values):
        return values[:25].mean() - values[25:].mean()

    assert found.decoder_gap.mean == pytest.approx(lost(log_likelihood), abs=0.01)
    assert found.elbo_gap.mean == pytest.approx(lost(elbo), abs=0.1)
    assert found.encoder_gap.mean == pytest.approx(lost(elbo) - lost(log_likelihood), abs=0.1)
    assert found.family_gap.mean == pytest.approx(0, abs=0.01)
    parts = (found.decoder_gap, found.encoder_gap, found.family_gap)
    assert found.elbo_gap.mean == pytest.approx(sum(gap.mean for gap in parts), abs=1e-4)
    errors = [values.std(ddof=1) ** 2 / len(values) for values in np.split(log_likelihood, [25])]
    assert found.decoder_gap.standard_error == pytest.approx(np.sqrt(sum(errors)), rel=0.02)


def test_the_error_is_that_of_two_independent_groups():
    generator = np.random.default_rng(0)
    means = []
    for _ in range(2000):
        groups = generator.normal(1, 2, 30), generator.normal(0, 1, 50)
        found = air_tf.evaluation.DifferenceOfMeans(*map(air_tf.evaluation.Estimate, groups))
        means.append((found.mean, found.standard_error))
    means, errors = np.transpose(means)
    assert errors.mean() == pytest.approx(means.std(), rel=0.05)
    assert means.mean() == pytest.approx(1, abs=4 * means.std() / np.sqrt(2000))


def test_the_picture_shows_each_gap():
    model = linear_model(loc_shift=0.4)
    report = air_tf.evaluation.generalization(
        model, X[:9], X[9:], num_samples=50, max_steps=5, progress=False
    )
    axes = matplotlib.figure.Figure().subplots()
    report.draw(axes)
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == [gap.mean for gap in report.gaps().values()]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        *("decoder", "encoder", "family", "in all"),
    ]
    summary = report.summary()
    assert set(summary) == {*report.gaps(), "train", "test"}
    assert summary["train"] == report.train.summary()
