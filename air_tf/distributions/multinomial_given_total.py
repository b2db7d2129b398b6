"""The multinomial distribution of counts, given their total."""

import tensorflow as tf
import tensorflow_probability as tfp


class MultinomialGivenTotal(tfp.distributions.Multinomial):
    """How a total of counts, whatever it is, falls into D categories.

    `log_prob` takes the total from its argument. The moments and samples are those of one trial:
    `mean()` is the probabilities `[..., D]`, and a sample is one-hot.

    Args:
        logits: `[..., D]`.

    Example:
    >>> p = air_tf.distributions.MultinomialGivenTotal(tf.zeros([2]))
    >>> p.mean().numpy().tolist()
    [0.5, 0.5]
    >>> p.prob([[1.0, 0.0], [1.0, 1.0]]).numpy().round(6).tolist()
    [0.5, 0.5]
    """

    def __init__(self, logits, name="MultinomialGivenTotal"):
        # These replace the parent's parameters, so that `copy` and slicing rebuild this class.
        parameters = {"logits": logits, "name": name}
        super().__init__(tf.ones([], logits.dtype), logits=logits, name=name)
        self._parameters = parameters

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"logits": tfp.util.ParameterProperties(event_ndims=1)}

    def _log_prob(self, counts):
        total = tf.reduce_sum(counts, axis=-1)
        return tfp.distributions.Multinomial(total, logits=self.logits).log_prob(counts)
