"""Reduces the log weights log w = log p(x, z) − log q(z|x) to bounds on log p(x)."""

from air_tf.objectives.elbo import elbo
from air_tf.objectives.gradient_estimators import GRADIENT_ESTIMATORS
from air_tf.objectives.iwae_bound import iwae_bound
from air_tf.objectives.training_bound import training_bound

__all__ = ["GRADIENT_ESTIMATORS", "elbo", "iwae_bound", "training_bound"]
