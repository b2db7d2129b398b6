"""A convolution that caps the norms of its filters: the weight-normalizing regularizer."""

import keras
from keras import ops

from air_tf import checks
from air_tf.layers import norm_cap


@keras.saving.register_keras_serializable(package="air_tf")
class NormCappedConv2D(keras.layers.Layer):
    """2D convolution with a weight-normalized kernel; no filter's norm exceeds `max_norm`.

    `kernel[..., f]` holds the weights of filter f, `[height, width, channels / groups]`:

        w_f = s_f · v_f / ‖v_f‖                                          (Shu et al. 2018, Eq. 17)
        s_f = min(‖v_f‖, H·sigmoid(u_f))   with cap="min"                (Eq. 18)
        s_f = H·sigmoid(u_f)               with cap="sigmoid"

    where ‖v_f‖ is the Euclidean norm over all weights of the filter: the norm of the weights that
    come into one output unit, as in `NormCappedDense`. v and u are trained. In the min form, a
    large H gives `keras.layers.Conv2D`, whose arguments the layer takes. (The cap holds exactly for
    variables in float32 or float64, also under mixed precision; in half precision the norms are
    rounded, too.)

    Args:
        filters: number of filters ≥ 1.
        kernel_size: int or two ints ≥ 1, height and width of the kernel.
        max_norm: H > 0, the cap on the Euclidean norm of each filter.
        cap: "min" (default) or "sigmoid", the form of s_f above.
        strides: int or two ints ≥ 1, the steps down and to the right.
        padding: "valid" (none) or "same" (zeros around the image).
        data_format: "channels_last" or "channels_first"; None for Keras's global setting.
            TensorFlow on a CPU may lack "channels_first".
        dilation_rate: int or two ints ≥ 1; not above 1 together with strides above 1.
        groups: number of groups of channels that are convolved apart; it divides the number of
            input channels and `filters`.
        activation: activation name or function, as in `keras.layers.Conv2D`.
        use_bias: whether to add a bias, which is not capped.
        kernel_initializer: initializer of v.
        cap_initializer: initializer of u; zeros start the cap at H/2.
        bias_initializer: initializer of the bias.

    Input shape: `[B, height, width, channels]`; `[B, channels, height, width]` if channels first.
    Output shape: the same with the new height and width, and filters instead of channels.

    Raises:
        ValueError: if `max_norm` ≤ 0, `cap` is unknown, or `keras.layers.Conv2D` would refuse the
            other arguments or the input shape.

    Example:
    >>> layer = air_tf.layers.NormCappedConv2D(32, 3, max_norm=1.5, strides=2, padding="same")
    >>> layer(np.ones((3, 28, 28, 1), "float32")).shape
    TensorShape([3, 14, 14, 32])
    >>> bool(np.all(np.linalg.norm(np.reshape(layer.kernel, (9, 32)), axis=0) <= 1.5))
    True
    """

    def __init__(
        self,
        filters,
        kernel_size,
        max_norm,
        cap="min",
        *,
        strides=(1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1),
        groups=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        cap_initializer="zeros",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = checks.positive_int("filters", filters)
        self.max_norm = checks.positive("max_norm", max_norm)
        self.cap = checks.one_of("cap", cap, norm_cap.CAPS)
        self.groups = checks.positive_int("groups", groups)
        padding = padding.lower() if isinstance(padding, str) else padding
        self.padding = checks.one_of("padding", padding, ("valid", "same"))
        # Keras's own layer completes and checks what is the same in both. (It gets a name, so that
        # Keras does not count it among the user's.)
        convolution = keras.layers.Conv2D(
            self.filters,
            kernel_size,
            strides,
            self.padding,
            data_format,
            dilation_rate,
            self.groups,
            name=self.name,
        )
        self.kernel_size = _ints("kernel_size", convolution.kernel_size)
        self.strides = _ints("strides", convolution.strides)
        self.dilation_rate = _ints("dilation_rate", convolution.dilation_rate)
        self.data_format = convolution.data_format
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.cap_initializer = keras.initializers.get(cap_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        axis = -1 if self.data_format == "channels_last" else 1
        channels = input_shape[axis]
        if channels is None or channels % self.groups:
            raise ValueError(
                "The number of input channels must be known and a multiple of `groups`. "
                f"Received: {channels} channels (input shape {tuple(input_shape)}), "
                f"groups={self.groups}"
            )
        self.compute_output_shape(input_shape)  # refuses images that are smaller than the kernel
        norm_cap.add_weights(self, (*self.kernel_size, channels // self.groups, self.filters))
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={axis: channels})
        self.built = True

    @property
    def kernel(self):
        """The effective, capped kernel `[height, width, channels / groups, filters]`.

        It has the variables' dtype.
        """
        return norm_cap.capped(self.v, self.u, self.max_norm, self.cap)

    def call(self, inputs):
        outputs = ops.conv(
            ops.cast(inputs, self.compute_dtype),
            ops.cast(self.kernel, self.compute_dtype),
            **self._geometry(),
        )
        if self.bias is not None:
            bias = ops.cast(self.bias, self.compute_dtype)
            if self.data_format == "channels_first":
                # Not `ops.add`, which takes the last axis for the filters if it is as long.
                outputs = outputs + ops.reshape(bias, (self.filters, 1, 1))
            else:
                outputs = ops.add(outputs, bias)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape):
        convolution = keras.layers.Conv2D(
            self.filters, self.kernel_size, **self._geometry(), name=self.name
        )
        return convolution.compute_output_shape(input_shape)

    def _geometry(self):
        return {
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }

    def get_config(self):
        config = {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "max_norm": self.max_norm,
            "cap": self.cap,
            **self._geometry(),
            "groups": self.groups,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "cap_initializer": keras.initializers.serialize(self.cap_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
        return {**super().get_config(), **config}


def _ints(name, values):
    return tuple(checks.positive_int(name, value) for value in values)
