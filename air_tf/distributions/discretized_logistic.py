"""The logistic distribution, rounded to the levels 0..255."""

import tensorflow as tf
import tensorflow_probability as tfp

_HIGHEST = 255.0


class DiscretizedLogistic(tfp.distributions.QuantizedDistribution):
    """The nearest level in 0..255 to a logistic variable, with an exact log-density.

    With the bin's edges a, b = (x ∓ ½ − loc)/scale and the logistic function σ,

        P(x) = σ(b) − σ(a) = σ(b)·σ(−a)·(1 − e^(−1/scale)).

    The product has no cancellation: it is exact however narrow or wide the distribution, and so
    are its gradients. The bins of 0 and 255 are open, σ(b) and σ(−a). Samples and the rest come
    from TFP's `QuantizedDistribution`, whose own log-density loses wide distributions.

    Args:
        loc: `[...]`, in levels.
        scale: `[...]`, in levels.

    Example:
    >>> p = air_tf.distributions.DiscretizedLogistic(loc=127.5, scale=20.0)
    >>> round(float(tf.reduce_sum(p.prob(tf.range(256.0)))), 4)
    1.0
    """

    def __init__(self, loc, scale, name="DiscretizedLogistic"):
        # These replace the parent's parameters, so that `copy` and slicing rebuild this class.
        parameters = {"loc": loc, "scale": scale, "name": name}
        # The parent rounds up: its bin of x is (x − 1, x].
        logistic = tfp.distributions.Logistic(loc - 0.5, scale)
        super().__init__(logistic, low=0.0, high=_HIGHEST, name=name)
        self._loc = tf.convert_to_tensor(loc, self.dtype)
        self._scale = tf.convert_to_tensor(scale, self.dtype)
        self._parameters = parameters

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties()
        return {"loc": properties, "scale": properties}

    @property
    def loc(self):
        """The centre of the logistic distribution, in levels."""
        return self._loc

    @property
    def scale(self):
        """The scale of the logistic distribution, in levels."""
        return self._scale

    def _log_prob(self, x):
        a, b = (x - 0.5 - self._loc) / self._scale, (x + 0.5 - self._loc) / self._scale
        log_below, log_above = -tf.math.softplus(-b), -tf.math.softplus(a)
        log_between = log_below + log_above + tf.math.log(-tf.math.expm1(-1 / self._scale))
        return tf.where(x <= 0, log_below, tf.where(x >= _HIGHEST, log_above, log_between))

    def _mean(self):
        """Σ_x P(X ≥ x) over x = 1..255, one by one: at once they would need 255 times the room."""
        levels = tf.range(1, _HIGHEST + 1, dtype=self.dtype)
        return tf.foldl(
            lambda total, x: total + tf.sigmoid((self._loc + 0.5 - x) / self._scale),
            levels,
            tf.zeros(self.batch_shape_tensor(), self.dtype),
        )
