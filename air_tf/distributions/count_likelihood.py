"""What the likelihoods of counts have in common."""

import numpy as np

from air_tf.distributions.likelihood import Likelihood


class CountLikelihood(Likelihood):
    """A likelihood of non-negative whole numbers, in any real dtype."""

    values = "counts: whole numbers of at least 0"

    def contains(self, x):
        return (x >= 0) & (x < np.inf) & (x == np.floor(x))

    def _smoothed_mean(self, x):
        """Mean counts `[C]` of x `[N, C]`, with half a pseudo-count, as under Jeffreys' prior."""
        return (x.sum(axis=0) + 0.5) / len(x)
