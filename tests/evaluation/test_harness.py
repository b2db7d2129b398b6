"""One harness over every evaluator of `evaluation` and `theory`: what must hold for all of them."""

import numpy as np
import pytest

import air_tf
from air_tf.evaluation import programs
from tests.linear_gaussian import X, linear_model

evaluation, theory = air_tf.evaluation, air_tf.theory
SMALL = {"num_samples": 30, "num_train_samples": 2, "max_steps": 2}
# Each gives arrays [N] of its evaluator, with little work.
EVALUATORS = {
    "importance_log_likelihood": lambda model, x, **options: [
        evaluation.importance_log_likelihood(model, x, 30, **options)
    ],
    "iw_svi": lambda model, x, **options: [evaluation.iw_svi(model, x, **SMALL, **options)],
    "inference_gaps": lambda model, x, **options: vars(
        evaluation.inference_gaps(model, x, **SMALL, **options)
    ).values(),
    "generalization": lambda model, x, **options: [
        gap.first
        for gap in evaluation.generalization(model, x, x, **SMALL, **options).gaps().values()
    ],
    "ais": lambda model, x, **options: [evaluation.ais(model, x, 4, num_chains=2, **options)],
    "bdmc": lambda model, x, **options: vars(
        evaluation.bdmc(model, len(x), 4, 2, quality="fast", **options)
    ).values(),
    "regularization": lambda model, x, **options: [
        theory.regularization(model, x, 3, quality="fast", **options)
    ],
    "noise_bounds": lambda model, x, **options: vars(
        theory.noise_bounds(model, x, 2, 3, **options)
    ).values(),
}
# These have tests of their own.
OTHERS = {
    *("active_units", "refit_encoder", "spent_effort", "QUALITIES"),
    *("Estimate", "IWSVIEstimate", "AISEstimate", "ImportanceEstimate", "DifferenceOfMeans"),
    *("BDMCBounds", "InferenceGaps", "Generalization", "UnreliableEstimateWarning"),
    *("kernel_regression_posterior", "lipschitz_bound", "optimal_decoder_mean"),
    *("SmoothedPosterior", "NoiseBounds"),
}
each_evaluator = pytest.mark.parametrize("name", EVALUATORS)


@pytest.fixture(scope="module")
def model():
    """One model for all tests: it keeps its programs. Tracing is quicker than XLA."""
    model = linear_model(loc_shift=0.3)
    model.compile(jit_compile=False)
    return model


@pytest.fixture
def little_work(monkeypatch):
    monkeypatch.setitem(evaluation.QUALITIES, "fast", SMALL)


def values(name, model, x, **options):
    estimates = EVALUATORS[name](model, x, batch_size=3, progress=False, **options)
    return np.stack([estimate.per_example for estimate in estimates])


@each_evaluator
@pytest.mark.usefixtures("little_work")
def test_the_seed_decides(name, model, capfd):
    first, same, other = (values(name, model, X[:7], seed=seed) for seed in (1, 1, 2))
    assert first.shape[1] == 7  # the last batch is short
    assert first.dtype == "float32"
    np.testing.assert_array_equal(first, same)
    assert (first != other).all()
    assert "img/s" not in capfd.readouterr().err


@each_evaluator
@pytest.mark.usefixtures("little_work")
def test_finished_batches_are_not_computed_again(name, model, tmp_path, monkeypatch):
    run, calls = programs.run, []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return run(*arguments, **options)

    expected = values(name, model, X[:7])
    monkeypatch.setattr(programs, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        values(name, model, X[:7], backup_dir=tmp_path)
    monkeypatch.setattr(programs, "run", run)
    np.testing.assert_array_equal(values(name, model, X[:7], backup_dir=tmp_path), expected)
    monkeypatch.setattr(programs, "run", interrupted)  # nothing is left to run
    np.testing.assert_array_equal(values(name, model, X[:7], backup_dir=tmp_path), expected)


@pytest.mark.parametrize("name", sorted(EVALUATORS.keys() - {"bdmc"}))
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X * np.nan, "finite real numbers"),
        (X[:, :2], r"\[N, 4\]"),
        (X[:0], "N ≥ 1"),
        (["a"], "Received"),
    ],
)
def test_bad_observations_are_refused(name, model, x, message):
    with pytest.raises(ValueError, match=message):
        values(name, model, x)


@each_evaluator
@pytest.mark.parametrize("batch_size", [0, 1.5, "all"])
def test_bad_batch_sizes_are_refused(name, model, batch_size):
    with pytest.raises(ValueError, match="Received: batch_size="):
        EVALUATORS[name](model, X, batch_size=batch_size, progress=False)


def test_every_public_name_is_in_the_harness_or_has_tests_of_its_own():
    assert {*evaluation.__all__, *theory.__all__} == EVALUATORS.keys() | OTHERS
