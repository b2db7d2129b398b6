"""What a model needs to know of the encoder and the decoder that it is given."""

import warnings

import keras
import numpy as np

from air_tf import private_keras


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
        other = "decoder" if name == "encoder" else "encoder"
        raise ValueError(
            f"`{name}` must have outputs [B, {sizes}] for {type(family).__name__}, since `{other}` "
            f"takes the shape {event_shape}. Received: {name}.output_shape={found}"
        )


def warn_of_last_activation(decoder, latent_dim):
    """Warns of a decoder that ends in an activation: it must give raw outputs."""
    if isinstance(decoder, keras.Sequential | private_keras.Functional):
        activation = _last_activation(decoder)
        found = None if activation is keras.activations.linear else activation
        received = f"{decoder.name!r}, which ends in {getattr(found, '__name__', found)}"
    else:  # a subclass, whose outputs alone can tell
        z = 30.0 * np.random.default_rng(0).normal(size=(16, latent_dim))
        outputs = keras.ops.convert_to_numpy(decoder(z.astype(decoder.compute_dtype)))
        found = 0 <= outputs.min() < outputs.max() <= 1
        received = f"{decoder.name!r}, whose outputs stay in [0, 1], as after a sigmoid"
    if found:
        warnings.warn(
            "`decoder` must end in raw outputs, without an activation: the likelihood constrains "
            f"them. Received: decoder={received}",
            stacklevel=3,
        )


def _last_activation(network):
    """The last activation of a network's layers; linear without any."""
    for layer in reversed(network.layers):
        if isinstance(layer, keras.layers.ReLU | keras.layers.Softmax):
            return layer.name
        if hasattr(layer, "layers"):
            return _last_activation(layer)
        if hasattr(layer, "activation"):
            return layer.activation
    return keras.activations.linear


def last_bias(network):
    """The bias of the last layer that has one; None without any."""
    for layer in reversed(network.layers):
        bias = last_bias(layer) if hasattr(layer, "layers") else getattr(layer, "bias", None)
        if bias is not None:
            return bias
    return None
