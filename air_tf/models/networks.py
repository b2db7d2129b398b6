"""What a model needs to know of the encoder and the decoder that it is given."""

import warnings

import keras
import numpy as np


def input_shape(name, network):
    """The shape of what a network takes, without the batch.

    Raises:
        ValueError: for a network that is not built, has several inputs, or takes any size.
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
    known = isinstance(shape, tuple | list) and all(isinstance(size, int) for size in shape[1:])
    if not known or len(shape) < 2:
        raise ValueError(
            f"`{name}` must take one array [B, ...] of known sizes. "
            f"Received: {name}.input_shape={shape}"
        )
    return tuple(shape[1:])


def vector_width(name, network):
    """The width Z of a network that takes vectors `[B, Z]`; raises ValueError for any other."""
    shape = input_shape(name, network)
    if len(shape) != 1:
        raise ValueError(
            f"`{name}` must take vectors [B, Z]. Received: {name}.input_shape={(None, *shape)}"
        )
    return shape[0]


def check_outputs(name, network, family, shape, event_shape):
    """Raises ValueError unless a network has the outputs that a distribution family needs.

    Args:
        name: what the message calls the network.
        network: the Keras model.
        family: the `DistributionFamily`.
        shape: of what the network takes, without the batch.
        event_shape: of an event of the family.
    """
    expected = (*event_shape[:-1], family.num_outputs(event_shape[-1]))
    try:
        found = network.output_shape
    except AttributeError:
        found = tuple(network(np.zeros((1, *shape), network.compute_dtype)).shape)
    if not isinstance(found, tuple) or found[1:] != expected:
        sizes = ", ".join(map(str, expected))
        raise ValueError(
            f"`{name}` must have outputs [B, {sizes}] for {type(family).__name__} over events of "
            f"the shape {event_shape}. Received: {name}.output_shape={found}"
        )


def warn_of_bounded_outputs(decoder, latent_dim):
    """Warns of a decoder whose outputs are bounded, as after a sigmoid, a ReLU or a softmax."""
    z = 30.0 * np.random.default_rng(0).normal(size=(16, latent_dim))
    outputs = keras.ops.convert_to_numpy(decoder(z.astype(decoder.compute_dtype)))
    low, high = float(outputs.min()), float(outputs.max())
    bounded = low >= 0 or (low >= -1 and high <= 1 and max(-low, high) > 0.99)
    if bounded and low < high:
        warnings.warn(
            "`decoder` must end in raw outputs, without an activation: the likelihood constrains "
            f"them. Received: decoder={decoder.name!r}, with outputs from {low:.3g} to {high:.3g} "
            "only",
            stacklevel=3,
        )


def last_bias(network):
    """The bias of the last layer that has one; None without any."""
    for layer in reversed(network.layers):
        bias = last_bias(layer) if hasattr(layer, "layers") else getattr(layer, "bias", None)
        if bias is not None:
            return bias
    return None
