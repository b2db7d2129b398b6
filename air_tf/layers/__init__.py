"""Keras layers that regularize an encoder, usable in any Keras model."""

from air_tf.layers.noise_injection import NoiseInjection
from air_tf.layers.norm_capped_conv2d import NormCappedConv2D
from air_tf.layers.norm_capped_dense import NormCappedDense

__all__ = ["NoiseInjection", "NormCappedConv2D", "NormCappedDense"]
