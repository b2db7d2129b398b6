"""Independent Bernoulli pixels with a cheap, exact log-density."""

import tensorflow as tf
import tensorflow_probability as tfp


class FactorizedBernoulli(tfp.distributions.Independent):
    """Independent Bernoulli variables, given their logits, as one event `[D]`.

    The log-density is computed as

        log p(x) = Σ_d x_d·l_d − softplus(l_d),

    It equals the usual form with two softplus up to rounding, with half of the transcendental
    functions.

    Args:
        logits: `[..., D]`.

    Example:
    >>> p = air_tf.distributions.FactorizedBernoulli(tf.zeros([2, 3]))
    >>> p.log_prob([[0.0, 1.0, 1.0]]).shape  # nats
    TensorShape([2])
    """

    def __init__(self, logits, name="FactorizedBernoulli"):
        # These replace the parent's parameters, so that `copy` and slicing rebuild this class.
        parameters = {"logits": logits, "name": name}
        pixels = tfp.distributions.Bernoulli(logits=logits, dtype=logits.dtype)
        super().__init__(pixels, reinterpreted_batch_ndims=1, name=name)
        self._parameters = parameters

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"logits": tfp.util.ParameterProperties(event_ndims=1)}

    @property
    def logits(self):
        """The logits `[..., D]`."""
        return self.distribution.logits

    def _log_prob(self, x):
        logits = self.distribution.logits_parameter()
        return _sum_over_pixels(x * logits - _softplus(logits))


@tf.custom_gradient
def _sum_over_pixels(x):
    """Σ_d as a product with ones; XLA on CPU vectorizes this, but not a sum over rows."""
    ones = tf.ones(tf.shape(x)[-1:], x.dtype)
    # `tensordot` makes x a matrix: without XLA, oneDNN's product of `[k, 1, B, D]` by `[D]` is
    # wrong or crashes on CPUs with AVX-512 (tensorflow issue 117700).
    return tf.tensordot(x, ones, axes=1), lambda upstream: upstream[..., tf.newaxis] * ones


@tf.custom_gradient
def _softplus(x):
    """log(1 + e^x). In a sum over pixels, log(1 + e) is as exact as log1p(e), and far cheaper."""
    value = tf.maximum(x, 0.0) + tf.math.log(1.0 + tf.exp(-tf.abs(x)))
    return value, lambda upstream: upstream * tf.sigmoid(x)
