"""Reductions of the log weights log w = log p(x, z) − log q(z|x) to bounds on log p(x)."""

from air_tf.objectives.elbo import elbo
from air_tf.objectives.iwae_bound import iwae_bound

__all__ = ["elbo", "iwae_bound"]
