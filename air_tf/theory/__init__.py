"""The statements of the paper's theory as functions that compute what they say."""

from air_tf.theory.kernel_regression_posterior import kernel_regression_posterior
from air_tf.theory.lipschitz_bound import lipschitz_bound
from air_tf.theory.noise_bounds import NoiseBounds, noise_bounds
from air_tf.theory.optimal_decoder_mean import optimal_decoder_mean
from air_tf.theory.regularization import regularization
from air_tf.theory.smoothed_posterior import SmoothedPosterior

__all__ = [
    "NoiseBounds",
    "SmoothedPosterior",
    "kernel_regression_posterior",
    "lipschitz_bound",
    "noise_bounds",
    "optimal_decoder_mean",
    "regularization",
]
