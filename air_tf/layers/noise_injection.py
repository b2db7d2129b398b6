"""Noise at the input of the encoder: the denoising regularizer."""

import keras
from keras import ops

from air_tf import checks, prng


@keras.saving.register_keras_serializable(package="air_tf")
class NoiseInjection(keras.layers.Layer):
    """Adds isotropic Gaussian noise to each example with a given probability, in training only.

    As the first layer of an encoder, it makes a VAE a denoising VAE. With ε ~ N(0, σ²I) and a coin
    c ~ Bernoulli(α) for each example,

        output = x + c·ε                                           (Shu et al. 2018, Eqs. 13 and 16)

    Unlike `keras.layers.GaussianNoise`, it takes any σ ≥ 0 and has a coin for each example.

    Args:
        stddev: σ ≥ 0, the standard deviation of the noise (not the variance).
        probability: α in [0, 1], the probability that an example gets noise.
        seed: optional int; the same seed gives the same sequence of noise.

    Call arguments:
        inputs: tensor `[B, ...]`; integers and booleans are cast to the layer's compute dtype.
        training: if True, the layer adds noise; if not, it returns the inputs unchanged (cast).

    Input shape: `[B, ...]`. Output shape: the same.

    Raises:
        ValueError: if `stddev` is negative or not finite, or `probability` lies outside [0, 1].

    Example:
    >>> encoder = keras.Sequential([
    ...     keras.Input((784,)),
    ...     air_tf.layers.NoiseInjection(stddev=0.2),
    ...     keras.layers.Dense(200, activation="tanh"),
    ... ])
    >>> encoder(np.zeros((3, 784), "uint8"), training=True).shape
    TensorShape([3, 200])
    """

    def __init__(self, stddev, probability=1.0, *, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.stddev = checks.non_negative("stddev", stddev)
        self.probability = checks.in_unit_interval("probability", probability)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape):
        self.built = True

    def call(self, inputs, training=False):
        x = ops.cast(inputs, self.compute_dtype)
        if not training or self.stddev == 0.0 or self.probability == 0.0:
            return x
        noise_seed, coin_seed = prng.split(prng.next_seed(self.seed_generator))
        noise = self.stddev * prng.normal(ops.shape(x), noise_seed, self.compute_dtype)
        if self.probability == 1.0:
            return x + noise
        coin_shape = (ops.shape(x)[0],) + (1,) * (len(x.shape) - 1)
        coin = prng.uniform(coin_shape, coin_seed, "float32") < self.probability
        return ops.where(coin, x + noise, x)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = {"stddev": self.stddev, "probability": self.probability, "seed": self.seed}
        return {**super().get_config(), **config}
