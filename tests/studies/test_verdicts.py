"""When a difference counts, by closed forms: images, seeds, and the negligible."""

import numpy as np
import pytest

from air_tf.evaluation import Estimate
from studies import assessment, claims, verdicts
from studies.verdicts import Comparison

T = {2: 12.7062, 3: 4.30265}  # 97.5 % quantile of Student's t for so many seeds, from tables


def estimate(mean, standard_error):
    """An `Estimate` of 100 images with this mean and standard error."""
    values = np.random.default_rng(0).normal(size=100)
    values = (values - values.mean()) / values.std(ddof=1)
    return Estimate(mean + 10 * standard_error * values)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("mean", "error", "means", "verdict"),
    [
        (0.04, 0.0, [0.04] * 3, "undecided"),  # negligible
        (0.06, 0.0, [0.06] * 3, "holds"),
        (0.19, 0.1, [0.19] * 3, "undecided"),  # of two standard errors over images
        (0.21, 0.1, [0.21] * 3, "holds"),
        (1.0, 0.0, [0.6, 1.0, 1.4], "holds"),  # 1 > 4.303 · 0.4 / √3 = 0.994
        (1.0, 0.0, [0.59, 1.0, 1.41], "undecided"),
        (1.0, 0.0, [0.9, 1.1], "undecided"),  # 1 < 12.706 · 0.1 = 1.27
        (1.0, 0.0, [0.93, 1.07], "holds"),
    ],
)
def test_a_difference_counts(mean, error, means, verdict, sign):
    found = verdicts.of_estimate(
        "?", "a − b", estimate(sign * mean, error), np.multiply(sign, means), sign
    )
    assert found.verdict == verdict
    np.testing.assert_allclose(found.means, means)
    other = verdicts.of_estimate("?", "a − b", estimate(mean, error), means, -1)
    assert other.verdict == {"holds": "does not hold"}.get(verdict, verdict)


def test_one_seed_counts_by_the_spread_of_others():
    # Within groups, squares are 0.02 and 0.18, with 1 + 2 degrees of freedom: √(0.2 / 3) = 0.2582.
    half = verdicts.half_interval_of_one([[0.9, 1.1], [-0.3, 0.0, 0.3], [5.0]])
    assert half == pytest.approx(3.18245 * 0.258199, rel=1e-4)
    for mean, verdict in ((0.8, "undecided"), (0.85, "holds")):
        found = verdicts.of_estimate("?", "", estimate(mean, 0.01), of_one_seed=half)
        assert found.verdict == verdict
    assert verdicts.half_interval_of_one([[5.0], [1.0]]) == np.inf
    assert verdicts.of_estimate("?", "", estimate(9.0, 0.01)).verdict == "undecided"


def test_numbers_of_seeds_alone():
    for n, t in T.items():
        values = {seed: 1 + 0.1 * (-1) ** seed if n == 2 else 0.9 + 0.1 * seed for seed in range(n)}
        half = t * (np.sqrt(0.02) if n == 2 else 0.1) / np.sqrt(n)
        assert verdicts.half_interval(list(values.values())) == pytest.approx(half, rel=1e-4)
        assert verdicts.of_seeds("?", "", values, threshold=1 - half - 0.01).verdict == "holds"
        assert verdicts.of_seeds("?", "", values, threshold=1 - half + 0.01).verdict == "undecided"
        below = verdicts.of_seeds("?", "", values, sign=-1, threshold=1 - half - 0.01)
        assert below.verdict == "does not hold"
    assert verdicts.of_seeds("?", "", {0: 9.0}).verdict == "undecided"


@pytest.mark.parametrize(
    ("first", "second", "verdict", "tally"),
    [
        (["holds"], ["holds"], "holds", "2 / 0 / 0"),
        (["holds"], [], "undecided", "1 / 0 / 0"),
        (["holds", "undecided"], ["holds"], "undecided", "2 / 0 / 1"),
        (["holds"], ["does not hold"], "does not hold", "1 / 1 / 0"),
        (["does not hold", "holds"], ["holds"], "undecided", "2 / 1 / 0"),
        ([], [], "not run yet", "0 / 0 / 0"),
    ],
)
def test_a_claim_holds_if_all_of_its_questions_do(first, second, verdict, tally):
    answers = {
        question: {"caltech": [Comparison(question, "", "", 1.0, answer, [1.0]) for answer in of]}
        for question, of in {"one": first, "two": second}.items()
    }
    note = "not counted"
    answers["one"]["caltech"].append(Comparison("one", "", "", 1.0, "undecided", [1.0], note))
    answers["one"]["digits"] = [Comparison("one", "", "", 1.0, "does not hold", [1.0])]
    claim = claims.Claim("it", ("caltech", "mnist"), {"one": "", "two": ""}, ())
    found = assessment.Assessment(claim, answers)
    assert (found.verdict, found.tally) == (verdict, tally)


def test_the_numbers_of_a_claim():
    of_caltech = [
        Comparison("lower", "", "", -3.0, "holds", [2.0, 4.0]),
        Comparison("lower", "", "", 1.0, "undecided", [0.5, -2.5]),
    ]
    of_mnist = [Comparison("lower", "", "", -2.5, "undecided", [2.5])]
    text = "{agreeing}, {seeds}, {holding}, {mean:+z.2f}, {size:.2f}"
    claim = claims.Claim("it", ("caltech", "mnist"), {"lower": text, "not asked": text}, ())
    answers = {"lower": {"caltech": of_caltech, "mnist": of_mnist}, "not asked": {}}
    found = assessment.Assessment(claim, answers)
    assert found.number == "2 of 3, 4 of 5, 1 of 3, -1.50, 2.17"
