"""The optimal encoder under noise, by Lemma 1 and Theorem 1."""

from collections.abc import Mapping

import numpy.typing as npt
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf import checks
from air_tf.theory import gaussians
from air_tf.theory.distances import squared_distances
from air_tf.theory.smoothed_posterior import SmoothedPosterior


def kernel_regression_posterior(
    q_of_train: tfp.distributions.Distribution | Mapping[str, npt.ArrayLike],
    x_train: npt.ArrayLike,
    stddev: float,
    x: npt.ArrayLike,
) -> SmoothedPosterior:
    """The encoder that noise σ makes optimal if p is fixed and its capacity is infinite.

        q*_σ(x) = argmin_q Σ_i w_σ(x, x_i) KL(q ‖ q_i),  w_σ ∝ exp(−‖x − x_i‖²/(2σ²))
                                                                       (Shu et al. 2018, Lemma 1)

    Here q_i is the posterior p(z|x_i) of a training point. If all q_i are Gaussian, the natural
    parameter of q* is the kernel regression η*(x) = Σ_i w_i η_i (Theorem 1). As σ → 0, q* is the
    q_i of the nearest training point. As σ → ∞, its natural parameter is the mean of all η_i.

    It smooths only where w reaches several training points: see `effective_neighbours`. Between
    binary images w hardly does. On Caltech 101 Silhouettes their median is 1.0 at noisy training
    images for every σ ≤ 0.8, and at test images 1.0 for σ ≤ 0.4 and 1.1 for σ = 0.8. So the
    smoothing of the theorem does not act there: see docs/theory.md.

    Args:
        q_of_train: the q_i: a multivariate normal of TFP with batch shape `[N]`, or what
            `model.encode(x_train)` returns.
        x_train: training points `[N, *S]`, whose number is that of the q_i.
        stddev: σ ≥ 0 of the noise; may be infinite. At 0 the nearest training points count alone.
        x: observations `[M, *S]`.

    Returns:
        A `SmoothedPosterior` with `distribution`, `natural_parameters`, `weights` and
        `effective_neighbours`. It is computed in float64, and differentiable in x.

    Raises:
        TypeError: for posteriors that are not Gaussian.
        ValueError: for shapes that do not fit, σ < 0, or a q_i with a scale of 0.

    Example:
    >>> x_train = np.array([[0.0], [1.0]])
    >>> q_of_train = {"loc": [[-1.0], [1.0]], "scale": [[1.0], [0.5]]}  # precisions 1 and 4
    >>> between = air_tf.theory.kernel_regression_posterior(q_of_train, x_train, 0.3, [[0.5]])
    >>> between.effective_neighbours.numpy().tolist()
    [2.0]
    >>> print(between.distribution.variance().numpy())  # the mean precision is 2.5
    [[0.4]]
    >>> at = air_tf.theory.kernel_regression_posterior(q_of_train, x_train, 0.1, x_train)
    >>> at.distribution.mean().numpy().round(3).tolist()  # the nearest one's
    [[-1.0], [1.0]]
    """
    q = gaussians.from_parameters(q_of_train)
    gaussians.require_gaussian(q)
    stddev = checks.non_negative_or_infinite("stddev", stddev)
    x_train = checks.observations(x_train, name="x_train")
    checks.observations(x, x_train.shape[1:])
    gaussians.check_batch(q, len(x_train))
    weights = _weights(squared_distances(tf.convert_to_tensor(x), x_train), stddev)
    eta = tf.linalg.matmul(weights, gaussians.natural_parameters(q))
    return SmoothedPosterior(gaussians.from_natural_parameters(eta, q), eta, weights)


def _weights(squared, stddev):
    excess = squared - tf.stop_gradient(tf.reduce_min(squared, axis=1, keepdims=True))
    if stddev == 0:
        logits = tf.where(excess > 0, tf.cast(float("-inf"), excess.dtype), 0.0)
    else:
        logits = -excess / stddev / stddev / 2  # in this order: σ² of a tiny σ would be 0
    return tf.nn.softmax(logits, axis=1)
