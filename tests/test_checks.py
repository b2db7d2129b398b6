"""The checks at the boundary, and properties of public methods on input of any shape."""

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

import air_tf
from air_tf import checks, versions
from tests.conftest import small_model
from tests.properties import SETTINGS

EXACT = st.integers(-(2**53), 2**53)  # whole numbers that a float holds exactly


@SETTINGS
@hypothesis.given(value=st.one_of(st.floats(), EXACT, st.none(), st.text(), st.booleans()))
def test_numbers_pass_or_say_what_was_received(value):
    for check in (
        checks.positive_int,
        checks.non_negative,
        checks.non_negative_or_infinite,
        checks.positive,
        checks.in_unit_interval,
    ):
        try:
            assert check("name", value) == value
        except ValueError as error:
            assert f"Received: name={value!r}" in str(error)  # noqa: PT017


@SETTINGS
@hypothesis.given(
    x=hnp.arrays(
        dtype=st.sampled_from(["float32", "float64", "uint8", "bool", "int64"]),
        shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
    ),
)
def test_observations_pass_unchanged_or_raise(x):
    if x.ndim == 2 and len(x) > 0 and x.shape[1] == 3:
        np.testing.assert_array_equal(checks.observations(x, (3,)), x)
    else:
        with pytest.raises(ValueError, match="Received"):
            checks.observations(x, (3,))


MODEL = small_model("dwni_iwae")


@SETTINGS
@hypothesis.given(
    n=st.integers(1, 6),
    k=st.integers(1, 5),
    dtype=st.sampled_from(["float32", "float64", "uint8", "bool", "int8"]),
    seed=st.integers(0, 2**31 - 1),
)
def test_shapes_for_any_batch_samples_and_dtype(n, k, dtype, seed):
    x = np.random.default_rng(seed).integers(0, 2, (n, 12)).astype(dtype)
    log_weights = MODEL.log_weights(x, k, seed=seed)
    assert log_weights.shape == (k, n)
    assert np.all(np.isfinite(log_weights))
    np.testing.assert_array_equal(log_weights, MODEL.log_weights(x, k, seed=seed))
    assert MODEL.reconstruct(x, seed=seed).shape == (n, 12)
    assert MODEL.sample(k, seed=seed).shape == (k, 12)


def test_versions_say_what_was_found_and_wanted():
    versions.check()
    old = {"tensorflow": "2.15.0", "keras": "2.15.0", "tensorflow-probability": None}
    message = r"needs tensorflow ≥ 2.21, keras ≥ 3.15.*Received: tensorflow 2.15.0.*missing"
    with pytest.raises(ImportError, match=message):
        versions.check(old)


def test_plotting_grid_places_images():
    grid = air_tf.plotting.image_grid(np.arange(3)[:, None] * np.ones((1, 4)), (2, 2), 2)
    expected = np.array(
        [
            [0, 0, 9, 1, 1],
            [0, 0, 9, 1, 1],
            [9, 9, 9, 9, 9],
            [2, 2, 9, 9, 9],
            [2, 2, 9, 9, 9],
        ]
    )
    np.testing.assert_array_equal(grid, np.where(expected == 9, 0.5, expected))


def test_model_grids_of_few_images(x):
    grids = air_tf.plotting.model_grids(MODEL, x[:7], (3, 4), seed=0, columns=5)
    assert grids["samples"].shape == (5 * 4 - 1, 5 * 5 - 1)
    assert grids["reconstructions"].shape == (4 * 4 - 1, 5 * 5 - 1)
    np.testing.assert_array_equal(grids["reconstructions"][:3, :4], x[0].reshape(3, 4))
