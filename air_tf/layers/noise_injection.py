"""Noise at the input of the encoder: the denoising regularizer."""

import math
import numbers

import keras
from keras import ops

from air_tf import checks, prng

_KINDS = ("gaussian", "masking", "salt_and_pepper")


@keras.saving.register_keras_serializable(package="air_tf")
class NoiseInjection(keras.layers.Layer):
    """Adds noise to each example with a given probability, in training only.

    As the first layer of an encoder, it makes a VAE a denoising VAE. With a coin c ~ Bernoulli(α)
    for each example,

        output = (1 − c)·x + c·x̃                                      (Shu et al. 2018, Eq. 16)

    and x̃, entry by entry, is

        gaussian:         x̃_i = x_i + ε_i, ε_i ~ N(0, σ²)             (Eq. 13)
        masking:          x̃_i = 0 with probability ρ, else x_i         (Vincent et al. 2008)
        salt_and_pepper:  x̃_i = `low` or `high`, each with probability ρ/2, else x_i
                                                                       (Vincent et al. 2010)

    Gaussian noise suits real numbers, masking counts and categories, salt and pepper pixels.
    Masking does not rescale the entries that stay, as dropout does (that of Mult-VAE, too).

    Unlike `keras.layers.GaussianNoise` and `keras.layers.Dropout`, the layer takes any σ ≥ 0 and
    any ρ in [0, 1], and has a coin for each example.

    Args:
        stddev: the strength of the noise. Gaussian: σ ≥ 0, its standard deviation (not its
            variance). Other kinds: the rate ρ in [0, 1], the probability that an entry of a noisy
            example is corrupted.
        probability: α in [0, 1], the probability that an example gets noise.
        kind: "gaussian" (default), "masking" or "salt_and_pepper".
        low, high: two numbers, low < high, that an entry becomes under salt and pepper; other kinds
            do not use them.
        seed: optional int; the same seed gives the same sequence of noise.

    Call arguments:
        inputs: tensor `[B, ...]`; integers and booleans are cast to the layer's compute dtype.
        training: if True, the layer adds noise; if not, it returns the inputs unchanged (cast).

    Input shape: `[B, ...]`. Output shape: the same.

    Raises:
        ValueError: if `stddev` is negative or not finite, or above 1 where it is a rate;
            `probability` lies outside [0, 1]; `kind` is unknown; or `low` is not below `high`.

    Example:
    >>> encoder = keras.Sequential([
    ...     keras.Input((784,)),
    ...     air_tf.layers.NoiseInjection(stddev=0.2),
    ...     keras.layers.Dense(200, activation="tanh"),
    ... ])
    >>> encoder(np.zeros((3, 784), "uint8"), training=True).shape
    TensorShape([3, 200])
    >>> masking = air_tf.layers.NoiseInjection(0.3, kind="masking", seed=0)
    >>> counts = masking(np.full((1, 1000), 7), training=True).numpy()
    >>> np.unique(counts).tolist(), masking.rate
    ([0.0, 7.0], 0.3)
    """

    def __init__(
        self,
        stddev,
        probability=1.0,
        *,
        kind="gaussian",
        low=0.0,
        high=1.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.kind = checks.one_of("kind", kind, _KINDS)
        self.stddev = _strength(kind, stddev)
        self.probability = checks.in_unit_interval("probability", probability)
        self.low, self.high = _levels(low, high)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    @property
    def rate(self):
        """ρ, the probability that an entry of a noisy example is corrupted; not for Gaussian."""
        if self.kind == "gaussian":
            raise AttributeError("Gaussian noise has no `rate`: it changes every entry.")
        return self.stddev

    def build(self, input_shape):
        self.built = True

    def call(self, inputs, training=False):
        x = ops.cast(inputs, self.compute_dtype)
        if not training or self.stddev == 0.0 or self.probability == 0.0:
            return x
        noise_seed, coin_seed = prng.split(prng.next_seed(self.seed_generator))
        noisy = self._noisy(x, noise_seed)
        if self.probability == 1.0:
            return noisy
        coin_shape = (ops.shape(x)[0],) + (1,) * (len(x.shape) - 1)
        coin = prng.uniform(coin_shape, coin_seed, "float32") < self.probability
        return ops.where(coin, noisy, x)

    def _noisy(self, x, seed):
        if self.kind == "gaussian":
            return x + self.stddev * prng.normal(ops.shape(x), seed, self.compute_dtype)
        # Of each entry, whatever the compute dtype: half precision would round the rate.
        uniform = prng.uniform(ops.shape(x), seed, "float32")
        if self.kind == "masking":
            corrupted = ops.zeros_like(x)
        else:
            levels = ops.where(uniform < self.rate / 2, self.low, self.high)
            corrupted = ops.cast(levels, self.compute_dtype)
        return ops.where(uniform < self.rate, corrupted, x)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = {
            "stddev": self.stddev,
            "probability": self.probability,
            "kind": self.kind,
            "low": self.low,
            "high": self.high,
            "seed": self.seed,
        }
        return {**super().get_config(), **config}


def _strength(kind, stddev):
    if kind == "gaussian":
        return checks.non_negative("stddev", stddev)
    try:
        return checks.in_unit_interval("stddev", stddev)
    except ValueError as error:
        raise ValueError(f"With kind={kind!r}, {error}") from None


def _levels(low, high):
    real = all(isinstance(v, numbers.Real) and not isinstance(v, bool) for v in (low, high))
    if not real or not -math.inf < low < high < math.inf:
        raise ValueError(
            "`low` and `high` must be finite numbers with low < high. "
            f"Received: low={low!r}, high={high!r}"
        )
    return float(low), float(high)
