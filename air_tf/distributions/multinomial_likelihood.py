"""The multinomial likelihood of counts, given their total."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf.distributions.count_likelihood import CountLikelihood
from air_tf.distributions.multinomial_given_total import MultinomialGivenTotal


@keras.saving.register_keras_serializable(package="air_tf")
class MultinomialLikelihood(CountLikelihood):
    """p(x|z) = n!/Π_d x_d! · Π_d π_d(z)^x_d with π = softmax(raw), for counts of total n.

    The likelihood of Mult-VAE (Liang et al. 2018), with its constant. The total is that of x; it is
    not modelled, and must not be 0. Means, and so `sample`, `reconstruct` and `predict` of a model,
    are the probabilities π: multiply them by a total to get counts.
    `num_outputs(D)` is D; the parameter is `logits` `[..., D]`.

    Example:
    >>> p = air_tf.distributions.MultinomialLikelihood()(tf.zeros([3, 4]))
    >>> p.log_prob([[0, 1, 2, 30]]).shape, p.mean()[0].numpy().tolist()
    (TensorShape([3]), [0.25, 0.25, 0.25, 0.25])
    """

    def check(self, x, name="x"):
        super().check(x, name)
        empty = ~x.reshape(len(x), -1).any(axis=1)
        if empty.any():
            raise ValueError(
                f"`{name}` must hold counts with a total of at least 1 in each example. "
                f"Received: {name}[{empty.argmax()}], whose total is 0"
            )

    def num_outputs(self, event_size):
        return event_size

    def parameters(self, outputs):
        return {"logits": outputs}

    def distribution(self, logits):
        return MultinomialGivenTotal(logits)

    def given_totals(self, p, x):
        totals = tf.reduce_sum(tf.cast(x, p.dtype), axis=-1)
        return tfp.distributions.Multinomial(totals, logits=p.logits)

    def marginal_outputs(self, x):
        """The logarithms of the categories' shares, each with half a pseudo-count."""
        mean = self._smoothed_mean(x)
        return np.log(mean / mean.sum())
