"""The weight-normalizing regularizer itself, which every norm-capped layer shares."""

from keras import ops

CAPS = ("min", "sigmoid")

# Float32 rounding in v·(s/‖v‖) can lift a column's norm above s by a few units in the last place.
# With this much room below H, ‖w_j‖ ≤ H also holds for the stored numbers.
_ROUNDING_MARGIN = 1.0 - 1e-6


def add_weights(layer, shape):
    """Adds the weights `v` and `u` of a norm-capped layer, and its `bias`, None without one.

    Args:
        layer: the layer, with an initializer for each and `use_bias`.
        shape: shape of v, `[..., units]`.
    """
    # autocast=False: under mixed precision the norms are taken in float32.
    layer.v = layer.add_weight(
        name="v", shape=shape, initializer=layer.kernel_initializer, autocast=False
    )
    layer.u = layer.add_weight(
        name="u", shape=shape[-1:], initializer=layer.cap_initializer, autocast=False
    )
    layer.bias = None
    if layer.use_bias:
        layer.bias = layer.add_weight(
            name="bias", shape=shape[-1:], initializer=layer.bias_initializer
        )


def capped(v, u, max_norm, cap):
    """Returns the kernel whose weights into unit j have a norm of at most `max_norm`.

    With v_j = v[..., j], and the Euclidean norm over all axes but the last,

        w_j = s_j · v_j / ‖v_j‖                                          (Shu et al. 2018, Eq. 17)
        s_j = min(‖v_j‖, H·sigmoid(u_j))   with cap="min"                (Eq. 18)
        s_j = H·sigmoid(u_j)               with cap="sigmoid"

    Args:
        v: tensor `[..., units]`.
        u: tensor `[units]`.
        max_norm: H > 0.
        cap: one of `CAPS`.

    Returns:
        A tensor `[..., units]` of the dtype of v and u.

    Example:
    >>> v = np.full((3, 3, 1, 2), 5.0, "float32")
    >>> w = air_tf.layers.norm_cap.capped(v, np.zeros(2, "float32"), max_norm=1.0, cap="min")
    >>> np.round(np.sqrt(np.sum(np.square(w), axis=(0, 1, 2))), 4).tolist()
    [0.5, 0.5]
    """
    v, u = ops.convert_to_tensor(v), ops.convert_to_tensor(u)
    limit = max_norm * _ROUNDING_MARGIN * ops.sigmoid(u)
    squares = ops.sum(ops.square(v), axis=tuple(range(len(v.shape) - 1)))
    # The floor keeps the gradient finite if a column is exactly zero.
    factor = limit * ops.rsqrt(ops.maximum(squares, 1e-30))
    return v * (ops.minimum(factor, 1.0) if cap == "min" else factor)
