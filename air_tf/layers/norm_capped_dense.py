"""A dense layer that caps the norms of its columns: the weight-normalizing regularizer."""

import keras
from keras import ops

from air_tf import checks
from air_tf.layers import norm_cap


@keras.saving.register_keras_serializable(package="air_tf")
class NormCappedDense(keras.layers.Layer):
    """Dense layer with a weight-normalized kernel; no column norm exceeds `max_norm`.

    Column j of the kernel holds the weights that come into unit j:

        w_j = s_j · v_j / ‖v_j‖                                          (Shu et al. 2018, Eq. 17)
        s_j = min(‖v_j‖, H·sigmoid(u_j))   with cap="min"                (Eq. 18)
        s_j = H·sigmoid(u_j)               with cap="sigmoid"

    v and u are trained. In the min form, a large H gives the ordinary dense layer. (The cap holds
    exactly for variables in float32 or float64, also under mixed precision; in half precision the
    norms are rounded, too.)

    Args:
        units: number of output units ≥ 1.
        max_norm: H > 0, the cap on the Euclidean norm of each column.
        cap: "min" (default) or "sigmoid", the form of s_j above.
        activation: activation name or function, as in `keras.layers.Dense`.
        use_bias: whether to add a bias, which is not capped.
        kernel_initializer: initializer of v.
        cap_initializer: initializer of u; zeros start the cap at H/2.
        bias_initializer: initializer of the bias.

    Input shape: `[..., features]`. Output shape: `[..., units]`.

    Raises:
        ValueError: if `units` < 1, `max_norm` ≤ 0, or `cap` is unknown.

    Example:
    >>> layer = air_tf.layers.NormCappedDense(200, max_norm=1.5, activation="tanh")
    >>> layer(np.ones((3, 784), "float32")).shape
    TensorShape([3, 200])
    >>> bool(np.all(np.linalg.norm(layer.kernel, axis=0) <= 1.5))
    True
    """

    def __init__(
        self,
        units,
        max_norm,
        cap="min",
        *,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        cap_initializer="zeros",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = checks.positive_int("units", units)
        self.max_norm = checks.positive("max_norm", max_norm)
        self.cap = checks.one_of("cap", cap, norm_cap.CAPS)
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.cap_initializer = keras.initializers.get(cap_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape):
        features = input_shape[-1]
        norm_cap.add_weights(self, (features, self.units))
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: features})
        self.built = True

    @property
    def kernel(self):
        """The effective, capped kernel `[features, units]` in the variables' dtype."""
        return norm_cap.capped(self.v, self.u, self.max_norm, self.cap)

    def call(self, inputs):
        outputs = ops.matmul(
            ops.cast(inputs, self.compute_dtype), ops.cast(self.kernel, self.compute_dtype)
        )
        if self.bias is not None:
            outputs = ops.add(outputs, ops.cast(self.bias, self.compute_dtype))
        return self.activation(outputs)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        config = {
            "units": self.units,
            "max_norm": self.max_norm,
            "cap": self.cap,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "cap_initializer": keras.initializers.serialize(self.cap_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
        return {**super().get_config(), **config}
