"""What a model needs to know of the encoder and the decoder that it is given."""

import warnings

import keras
import numpy as np


def vector_width(name, network):
    """The width D of a network that takes vectors `[B, D]`.

    Raises:
        ValueError: for a network that is not built, or that takes anything else.
    """
    try:
        shape = network.input_shape
    except AttributeError:  # of a subclass of `keras.Model`, which only a call has built
        shape = (network.get_build_config() or {}).get("input_shape")
    if shape is None:
        raise ValueError(
            f"`{name}` must be built: give it a `keras.Input`, or call it on a batch first. "
            f"Received: {name}={network}"
        )
    if not isinstance(shape, tuple) or len(shape) != 2 or not isinstance(shape[-1], int):
        raise ValueError(f"`{name}` must take vectors [B, D]. Received: {name}.input_shape={shape}")
    return shape[-1]


def check_width(name, network, family, input_width, event_size):
    """Raises ValueError unless a network has the outputs that a distribution family needs."""
    expected = family.num_outputs(event_size)
    try:
        shape = network.output_shape
    except AttributeError:
        shape = tuple(network(np.zeros((1, input_width), network.compute_dtype)).shape)
    if not isinstance(shape, tuple) or len(shape) != 2 or shape[-1] != expected:
        raise ValueError(
            f"`{name}` must have {expected} outputs for {type(family).__name__} over "
            f"{event_size} dimensions. Received: {name}.output_shape={shape}"
        )


def warn_of_probabilities(decoder, latent_dim):
    """Warns of a decoder for logits whose outputs stay in [0, 1], as after a sigmoid."""
    z = 30.0 * np.random.default_rng(0).normal(size=(16, latent_dim))
    outputs = keras.ops.convert_to_numpy(decoder(z.astype(decoder.compute_dtype)))
    low, high = float(outputs.min()), float(outputs.max())
    if 0 <= low < high <= 1:
        warnings.warn(
            "`decoder` must end in logits, without a sigmoid, for a Bernoulli likelihood. "
            f"Received: decoder={decoder.name!r}, with outputs from {low:.3g} to {high:.3g} only",
            stacklevel=3,
        )


def last_bias(network):
    """The bias of the last layer that has one; None without any."""
    for layer in reversed(network.layers):
        bias = last_bias(layer) if hasattr(layer, "layers") else getattr(layer, "bias", None)
        if bias is not None:
            return bias
    return None
