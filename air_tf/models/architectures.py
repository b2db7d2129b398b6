"""The networks of the named models: layers of an encoder and of a decoder, by architecture.

"mlp" has dense hidden layers. "conv" has two convolutions of stride 2 before those of the encoder,
and their transposes after those of the decoder, for images `[h, w, channels]`.
"""

import math

import keras

_FILTERS = (32, 64)
_CONVOLUTION = {"kernel_size": 3, "strides": 2, "padding": "same"}


def encoder_layers(architecture, shape, units, num_outputs, dense, convolution):
    """Layers from observations of a shape to vectors `[B, num_outputs]`.

    Args:
        architecture: "mlp" or "conv".
        shape: S of the observations.
        units: widths of the dense hidden layers.
        num_outputs: width of the last layer.
        dense: function of units and whether the layer is hidden that returns a dense layer.
        convolution: function of filters and options of `keras.layers.Conv2D` that returns one.
    """
    layers = []
    if architecture == "conv":
        layers += [convolution(filters, **_CONVOLUTION) for filters in _FILTERS]
    if architecture == "conv" or len(shape) > 1:
        layers.append(keras.layers.Flatten())
    layers += [dense(width, True) for width in units]
    return [*layers, dense(num_outputs, False)]


def decoder_layers(architecture, shape, units, dense, transpose):
    """Layers from latents to raw outputs of a shape; arguments as of `encoder_layers`."""
    layers = [dense(width, True) for width in units]
    if architecture == "mlp":
        layers.append(dense(math.prod(shape), False))
        return layers if len(shape) == 1 else [*layers, keras.layers.Reshape(shape)]
    height, width, channels = shape
    factor = 2 ** len(_FILTERS)
    rows, columns = -(-height // factor), -(-width // factor)
    layers.append(dense(rows * columns * _FILTERS[-1], True))
    layers.append(keras.layers.Reshape((rows, columns, _FILTERS[-1])))
    for filters in _FILTERS[-2::-1]:
        layers.append(transpose(filters, True, **_CONVOLUTION))
    layers.append(transpose(channels, False, **_CONVOLUTION))
    cropped = ((0, rows * factor - height), (0, columns * factor - width))
    return [*layers, keras.layers.Cropping2D(cropped)] if any(map(any, cropped)) else layers
