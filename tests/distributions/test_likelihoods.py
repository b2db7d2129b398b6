"""One harness for all likelihoods: SciPy and TFP as oracles, sums over the support, bad input."""

import dataclasses
import inspect
import itertools
from collections.abc import Callable

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf import distributions, prng

EXTREMES = (-1e4, -100.0, -15.0, -1.0, 0.0, 1.0, 15.0, 100.0, 1e4)
RNG = np.random.default_rng


def softplus(x):
    return np.logaddexp(0.0, x)


def halves(raw):
    return np.split(raw, 2, axis=-1)


def bernoulli(raw, x):
    return scipy.stats.bernoulli(scipy.special.expit(raw)).logpmf(x).sum(-1)


def gaussian(raw, x):
    loc, scale = halves(raw)
    return scipy.stats.norm(loc, softplus(scale) + 1e-3).logpdf(x).sum(-1)


def discretized_logistic(raw, x):
    loc, scale = halves(raw)
    p = scipy.stats.logistic(127.5 * (1 + loc), 127.5 * (softplus(scale) + 1e-3))
    below, above = np.where(x == 0, -np.inf, x - 0.5), np.where(x == 255, np.inf, x + 0.5)
    left, right = (p.logcdf(above), p.logcdf(below)), (p.logsf(below), p.logsf(above))
    larger, smaller = np.where(x < p.mean(), left, right)
    return (larger + np.log1p(-np.exp(smaller - larger))).sum(-1)


def poisson(raw, x):
    return scipy.stats.poisson(softplus(raw)).logpmf(x).sum(-1)


def negative_binomial(raw, x):
    mean, dispersion = map(softplus, halves(raw))
    dispersion = dispersion + 1e-4
    p = 1 / (1 + dispersion * mean)
    return scipy.stats.nbinom(1 / dispersion, p).logpmf(x).sum(-1)


def multinomial(raw, x):
    return scipy.stats.multinomial.logpmf(x, x.sum(-1), scipy.special.softmax(raw, axis=-1))


def reals(rng, shape):
    return 3 * rng.normal(size=shape)


def counts(rng, shape):
    return rng.negative_binomial(0.7, 0.1, shape).astype("float64") + np.eye(*shape)


NO_COUNTS = (-1.0, 0.5, np.nan, np.inf, -np.inf)


@dataclasses.dataclass(frozen=True)
class Case:
    log_density: Callable  # of raw outputs and x, float64
    draw: Callable  # x of a shape
    ends: tuple  # of the support
    bad: tuple  # values outside
    support: tuple | None = None  # what sums to 1 over one dimension, within rounding
    sum_over: tuple = (-2.0, 0.0, 1.5)  # raw outputs to sum for


CASES = {
    "bernoulli": Case(
        bernoulli,
        lambda rng, shape: rng.integers(0, 2, shape).astype("float64"),
        ends=(0, 1),
        bad=(0.5, 2.0, -1.0, np.nan, np.inf),
        support=(0, 1),
    ),
    "gaussian": Case(
        gaussian, reals, ends=(-1e3, -1.0, 0.0, 1e3), bad=(np.nan, np.inf, -np.inf, 1e39)
    ),
    "discretized_logistic": Case(
        discretized_logistic,
        lambda rng, shape: rng.integers(0, 256, shape).astype("float64"),
        ends=(0, 1, 127, 128, 254, 255),
        bad=(-1.0, 256.0, 0.5, np.nan, np.inf),
        support=tuple(range(256)),
        sum_over=(-1e4, -30.0, -1.0, 0.0, 0.7, 1e4),
    ),
    "poisson": Case(poisson, counts, ends=(0, 1, 10**6), bad=NO_COUNTS, support=tuple(range(100))),
    "negative_binomial": Case(
        negative_binomial, counts, ends=(0, 1, 10**6), bad=NO_COUNTS, support=tuple(range(3000))
    ),
    "multinomial": Case(multinomial, counts, ends=(0, 1, 10**6), bad=NO_COUNTS),
}
each = pytest.mark.parametrize("name", CASES)


def named(name):
    return distributions.get(name, distributions.LIKELIHOODS)


def raw_outputs(name, shape, scale=1.0, seed=0):
    size = (*shape[:-1], named(name).num_outputs(shape[-1]))
    return scale * RNG(seed).normal(size=size)


def distribution(name, raw, dtype="float64"):
    return named(name)(tf.constant(raw, dtype))


def log_prob(name, raw, x, dtype="float64"):
    return distribution(name, raw, dtype).log_prob(tf.constant(x, dtype))


def gradient(name, raw, x, dtype="float64", **options):
    @tf.function(**options)
    def compute(raw, x):
        with tf.GradientTape() as tape:
            tape.watch(raw)
            value = named(name)(raw).log_prob(x)
        return value, tape.gradient(value, raw)

    return compute(tf.constant(raw, dtype), tf.constant(x, dtype))


def test_every_likelihood_is_in_the_harness():
    public = {
        value
        for value in vars(distributions).values()
        if inspect.isclass(value)
        and issubclass(value, distributions.Likelihood)
        and not inspect.isabstract(value)
    }
    assert public == set(distributions.LIKELIHOODS.values())
    assert set(CASES) == set(distributions.LIKELIHOODS)
    assert {value.__name__ for value in public} < set(distributions.__all__)


@each
@pytest.mark.parametrize("scale", [1.0, 5.0])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 1e-4)])
def test_log_prob_is_that_of_scipy(name, scale, dtype, tolerance):
    raw = raw_outputs(name, (20, 6), scale)
    x = CASES[name].draw(RNG(1), (20, 6))
    expected = CASES[name].log_density(raw, x)
    np.testing.assert_allclose(log_prob(name, raw, x, dtype), expected, rtol=tolerance, atol=1e-4)


@each
def test_log_prob_broadcasts_over_samples_of_z(name):
    raw = raw_outputs(name, (5, 2, 4, 6))
    x = CASES[name].draw(RNG(1), (4, 6))
    actual = log_prob(name, raw, x)
    assert actual.shape == (5, 2, 4)
    for i, j in itertools.product(range(5), range(2)):
        np.testing.assert_allclose(actual[i, j], CASES[name].log_density(raw[i, j], x))


@each
def test_observations_of_any_shape_are_one_event(name):
    likelihood, shape = named(name), (2, 3, 4)
    raw = raw_outputs(name, (5, 3, *shape))
    parameters = likelihood.parameters(tf.constant(raw))
    assert {tuple(p.shape) for p in parameters.values()} == {(5, 3, *shape)}
    flat = {key: tf.reshape(value, [5, 3, -1]) for key, value in parameters.items()}
    p = likelihood.distribution(**flat)
    assert (p.batch_shape, p.event_shape) == ((5, 3), (24,))
    assert p.mean().shape == (5, 3, 24)
    x = CASES[name].draw(RNG(1), (3, 24))
    factor = likelihood.num_outputs(1)
    flat_raw = np.moveaxis(raw.reshape(5, 3, 2, 3, factor, 4), -2, 2).reshape(5, 3, -1)
    np.testing.assert_allclose(p.log_prob(x), [CASES[name].log_density(r, x) for r in flat_raw])


@each
def test_gradient_is_the_slope_of_the_density_of_scipy(name):
    raw, x = raw_outputs(name, (4, 3)), CASES[name].draw(RNG(1), (4, 3))
    _, actual = gradient(name, raw, x)
    steps = 1e-5 * np.eye(raw.shape[-1])[:, None]
    density = CASES[name].log_density
    difference = [density(raw + step, x) - density(raw - step, x) for step in steps]
    np.testing.assert_allclose(actual, np.transpose(difference) / 2e-5, rtol=1e-4, atol=1e-4)


@each
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_are_finite_at_the_ends(name, jit_compile, dtype):
    num_outputs = named(name).num_outputs(2)
    raw = np.array(list(itertools.product(EXTREMES, repeat=num_outputs)))
    x = [
        row
        for row in itertools.product(CASES[name].ends, repeat=2)
        if name != "multinomial" or any(row)
    ]
    value, slope = gradient(name, raw[:, None], np.array(x), dtype, jit_compile=jit_compile)
    assert value.shape == (len(raw), len(x))
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()


@each
def test_xla_computes_the_same(name):
    raw, x = raw_outputs(name, (4, 6), 4.0), CASES[name].draw(RNG(1), (4, 6))
    eager = gradient(name, raw, x, "float32")
    compiled = gradient(name, raw, x, "float32", jit_compile=True)
    for value, other in zip(eager, compiled, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-4, atol=1e-4)
    mean = tf.function(lambda raw: named(name)(raw).mean(), jit_compile=True)
    raw = tf.constant(raw, tf.float32)
    np.testing.assert_allclose(mean(raw), named(name)(raw).mean(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.support])
def test_probabilities_sum_to_one(name, dtype):
    case = CASES[name]
    raw = np.array(list(itertools.product(case.sum_over, repeat=named(name).num_outputs(1))))
    log_probs = log_prob(name, raw[:, None], np.array(case.support)[:, None], dtype)
    np.testing.assert_allclose(tf.reduce_sum(tf.exp(log_probs), axis=1), 1.0, atol=1e-4)


def test_multinomial_probabilities_of_one_total_sum_to_one():
    x = np.array([row for row in itertools.product(range(5), repeat=3) if sum(row) == 4])
    log_probs = log_prob("multinomial", raw_outputs("multinomial", (1, 3)), x)
    np.testing.assert_allclose(np.exp(log_probs).sum(), 1.0)


def test_gaussian_density_integrates_to_one():
    x = np.linspace(-30, 30, 4001)[:, None]
    np.testing.assert_allclose(np.exp(log_prob("gaussian", [0.3, 0.5], x)).sum() * 0.015, 1.0)


@each
def test_mean_is_that_of_samples(name):
    p = distribution(name, raw_outputs(name, (3, 4)), "float32")
    samples = p.sample(20_000, seed=prng.as_seed(0)).numpy()
    error = samples.std(axis=0) / np.sqrt(len(samples))
    assert np.all(np.abs(samples.mean(axis=0) - p.mean()) < 5 * error)
    x = samples[:100].reshape(-1, 4)
    named(name).check(x)


@pytest.mark.parametrize(
    "raw", list(itertools.product((-1.5, -1.0, 0.3, 1.2), (-20.0, -4.0, 0.0, 3.0)))
)
def test_mean_of_levels_is_exact(raw):
    levels = np.arange(256.0)[:, None]
    probabilities = np.exp(discretized_logistic(np.array(raw), levels))
    mean = distribution("discretized_logistic", raw).mean()
    np.testing.assert_allclose(mean, probabilities @ levels, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("scale", [0.2, 1.0, 30.0, 300.0])
def test_discretized_logistic_is_that_of_tfp(scale):
    loc, x = np.array([[-3.0], [0.0], [100.2], [255.0], [260.0]]), np.arange(256.0)
    logistic = tfp.distributions.Logistic(loc - 0.5, np.float64(scale))
    expected = tfp.distributions.QuantizedDistribution(logistic, low=0.0, high=255.0)
    actual = distributions.DiscretizedLogistic(loc, np.float64(scale))
    near = np.abs(x - loc) < 25 * scale  # where TFP does not lose it
    np.testing.assert_allclose(
        np.where(near, actual.log_prob(x), 0),
        np.where(near, expected.log_prob(x), 0),
        rtol=1e-6,
        atol=1e-9,
    )
    np.testing.assert_allclose(actual.cdf(x), expected.cdf(x))


def test_multinomial_is_that_of_tfp():
    logits, x = raw_outputs("multinomial", (4, 6)), counts(RNG(1), (4, 6))
    expected = tfp.distributions.Multinomial(x.sum(axis=1), logits=logits)
    p = distribution("multinomial", logits)
    np.testing.assert_allclose(p.log_prob(x), expected.log_prob(x))
    np.testing.assert_allclose(p.mean(), scipy.special.softmax(logits, axis=1))


@pytest.mark.parametrize(
    ("make", "values"),
    [
        (distributions.DiscretizedLogistic, {"loc": [90.0, 10.0], "scale": [3.0, 20.0]}),
        (distributions.MultinomialGivenTotal, {"logits": [[0.0, 1.0], [2.0, 0.0]]}),
    ],
)
def test_own_distributions_behave_as_those_of_tfp(make, values):
    values = {key: tf.constant(value) for key, value in values.items()}
    p, x = make(**values), tf.constant([3.0, 1.0])
    other = p.copy(**{key: value + 1 for key, value in values.items()})
    assert type(other) is type(p[0]) is make
    assert other.parameters["name"] == make.__name__
    expected = make(**{key: value + 1 for key, value in values.items()})
    np.testing.assert_allclose(other.log_prob(x), expected.log_prob(x))
    first = make(**{key: value[0] for key, value in values.items()})
    np.testing.assert_allclose(p[0].log_prob(x), first.log_prob(x))


@each
def test_check_takes_what_the_likelihood_is_for(name):
    likelihood, x = named(name), CASES[name].draw(RNG(1), (4, 6))
    for shape in ((4, 6), (4, 1, 3, 2)):
        for dtype in ("float16", "float32", "float64"):
            likelihood.check(x.reshape(shape).astype(dtype))
    for end in CASES[name].ends:
        end = np.full((1, 2), end, "float64")
        if end.any() or name != "multinomial":
            likelihood.check(end)
    if not likelihood.is_real:
        likelihood.check(np.ones((2, 3), bool))
        for dtype in ("int8", "uint8", "int64"):
            likelihood.check(np.minimum(x, 1).astype(dtype))


@pytest.mark.parametrize(
    ("name", "bad"), [(name, bad) for name, case in CASES.items() for bad in case.bad]
)
def test_check_names_the_first_value_outside(name, bad):
    x = CASES[name].draw(RNG(1), (6, 4)).reshape(6, 2, 2)
    x[2, 0, 1] = x[2, 1, 0] = x[4] = bad
    with pytest.raises(ValueError, match=r"`data` must hold .*Received") as error:
        named(name).check(x, "data")
    assert named(name).values in str(error.value)
    assert f"Received: data[2, 0, 1]={bad} (dtype float64)" in str(error.value)
    assert ("binarize" in str(error.value)) == (name == "bernoulli" and bad > 0)


@each
@pytest.mark.parametrize("dtype", ["complex64", "U3", "object"])
def test_check_refuses_what_is_not_real(name, dtype):
    x = CASES[name].draw(RNG(1), (6, 4)).astype(dtype)
    with pytest.raises(ValueError, match=r"must hold .* Received: x.dtype="):
        named(name).check(x)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
def test_integers_are_no_real_numbers(dtype):
    with pytest.raises(ValueError, match=r"floating dtype, such as `x.astype\('float32'\)`.*Rec"):
        named("gaussian").check(np.ones((2, 3), dtype))


@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_multinomial_names_the_example_without_counts(dtype):
    x = np.ones((5, 3, 2), dtype)
    x[3:] = 0
    with pytest.raises(ValueError, match=r"a total of at least 1 .*: x\[3\], whose total is 0"):
        named("multinomial").check(x)


def data(name):
    """Training data `[500, 4]` of which a column is near one end."""
    rng = RNG(0)
    x = {
        "bernoulli": lambda: rng.random((500, 4)) < [0.01, 0.2, 0.5, 0.9],
        "gaussian": lambda: rng.normal([-100, 0, 1, 30], [0.1, 1, 3, 50], (500, 4)),
        "discretized_logistic": lambda: np.clip(
            rng.normal([-40, 20, 130, 250], [40, 60, 3, 30], (500, 4)).round(), 0, 255
        ),
        "poisson": lambda: rng.poisson([0.01, 1, 10, 1000], (500, 4)),
        "negative_binomial": lambda: rng.negative_binomial(2, [0.9, 0.5, 0.1, 0.01], (500, 4)),
        "multinomial": lambda: rng.poisson([0.01, 1, 10, 1000], (500, 4)),
    }[name]()
    return x.astype("float64")


@each
def test_marginal_outputs_have_the_means_and_spreads_of_the_data(name):
    x = data(name)
    raw = named(name).marginal_outputs(x)
    assert isinstance(raw, np.ndarray)
    assert raw.shape == (named(name).num_outputs(4),)
    p = distribution(name, raw)
    mean = x.mean(axis=0)
    if name == "multinomial":
        mean = mean / mean.sum()
    tolerance = {"bernoulli": 2 / 500, "discretized_logistic": 1.0}.get(name, 1 / 500)
    np.testing.assert_allclose(p.mean(), mean, atol=tolerance)
    if name in ("gaussian", "negative_binomial"):
        np.testing.assert_allclose(p.stddev(), x.std(axis=0), rtol=0.01)
    # It is nearly the best of all that are the same for each example.
    rng, best = RNG(1), log_prob(name, raw, x).numpy().mean()
    for _ in range(20):
        other = raw + rng.normal(size=raw.shape)
        assert log_prob(name, other, x).numpy().mean() < best


@each
@pytest.mark.parametrize("end", ["lowest", "highest"])
def test_marginal_outputs_of_constant_data_are_finite(name, end):
    ends = CASES[name].ends
    x = np.full((1000, 3), ends[0] if end == "lowest" else ends[-1], "float64")
    raw = named(name).marginal_outputs(x)
    assert np.isfinite(raw).all()
    assert np.isfinite(log_prob(name, raw, x, "float32")).all()


def test_marginal_outputs_of_bernoulli_have_a_pseudo_count_of_each():
    x = data("bernoulli")
    mean = (x.sum(axis=0) + 1) / (len(x) + 2)
    np.testing.assert_allclose(named("bernoulli").marginal_outputs(x), scipy.special.logit(mean))


@keras.saving.register_keras_serializable(package="tests")
class Exponential(distributions.Likelihood):
    values = "positive numbers"

    def contains(self, x):
        return (x > 0) & (x < np.inf)

    def num_outputs(self, event_size):
        return event_size

    def parameters(self, outputs):
        return {"rate": tf.math.softplus(outputs) + 1e-3}

    def distribution(self, rate):
        return tfp.distributions.Independent(tfp.distributions.Exponential(rate), 1)


def test_a_likelihood_of_ones_own():
    likelihood = Exponential()
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(likelihood))
    assert type(copy) is Exponential
    assert likelihood.marginal_outputs(np.ones((2, 3))) is None
    assert likelihood(tf.zeros([2, 3])).log_prob(tf.ones([2, 3])).shape == (2,)
    likelihood.check(np.ones((2, 3)))
    with pytest.raises(
        ValueError, match=r"^`x` must hold positive numbers. Received: x\[0, 1\]=0 \(dtype int64\)$"
    ):
        likelihood.check(np.array([[1, 0]]))


def test_bits_per_dimension():
    assert distributions.bits_per_dimension(-8 * np.log(2), 4) == pytest.approx(2.0)
    uniform = np.full((3, 2), -10 * np.log(256))
    np.testing.assert_allclose(distributions.bits_per_dimension(uniform, 10), 8.0)
    np.testing.assert_allclose(distributions.bits_per_dimension(tf.constant(uniform), 10), 8.0)
    with pytest.raises(ValueError, match="num_dimensions"):
        distributions.bits_per_dimension(-1.0, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_softplus_is_exact(dtype):
    x = np.linspace(-100, 100, 2001).astype(dtype)
    expected = np.where(x < -36, x, np.log(np.log1p(np.exp(x.astype("float64")))))
    actual = distributions.softplus.log_softplus(tf.constant(x))
    tolerance = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
    y = np.exp(np.linspace(-30, 8, 50))
    np.testing.assert_allclose(softplus(distributions.softplus.inverse_softplus(y)), y)
