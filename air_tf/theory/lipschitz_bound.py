"""How fast the optimal encoder under noise can change."""

from collections.abc import Mapping

import numpy.typing as npt
import tensorflow_probability as tfp

from air_tf import checks
from air_tf.theory import gaussians
from air_tf.theory.distances import diameter


def lipschitz_bound(
    q_of_train: tfp.distributions.Distribution | Mapping[str, npt.ArrayLike],
    x_train: npt.ArrayLike,
    stddev: float,
) -> float:
    """A Lipschitz constant of the natural parameters η*_σ(x) of `kernel_regression_posterior`.

        ‖η*(x) − η*(x′)‖ ≤ diam(η)·diam(x)/(4σ²) · ‖x − x′‖       (Shu et al. 2018, Theorem 1)

    Both norms are Euclidean; for η = (Λμ, −Λ/2) with the precision Λ, the matrix counts with its
    Frobenius norm. diam is the largest distance between two η_i, or two training points.

    Why: the Jacobian of η*(x) = Σ_i w_i η_i is Cov_w(η, x)/σ², the covariance of (η_i, x_i) with
    probabilities w_i. For unit vectors u and v, by Cauchy and Schwarz, |uᵀ Cov_w(η, x) v| ≤
    sd_w(u·η)·sd_w(v·x). A number in an interval of length d has a standard deviation of at most d/2
    (Popoviciu). So the norm of the Jacobian is at most diam(η)/2 · diam(x)/2 / σ².

    Args:
        q_of_train, x_train: as in `kernel_regression_posterior`.
        stddev: σ > 0.

    Returns:
        The constant, in units of η per unit of x.

    Raises:
        TypeError: for posteriors that are not Gaussian.
        ValueError: for shapes that do not fit, σ ≤ 0, or a q_i with a scale of 0.

    Example:
    >>> q_of_train = {"loc": [[-1.0], [1.0]], "scale": [[1.0], [1.0]]}
    >>> air_tf.theory.lipschitz_bound(q_of_train, [[0.0], [3.0]], stddev=0.5)  # 2·3/(4·0.5²)
    6.0
    """
    q = gaussians.from_parameters(q_of_train)
    gaussians.require_gaussian(q)
    stddev = checks.positive("stddev", stddev)
    x_train = checks.observations(x_train, name="x_train")
    gaussians.check_batch(q, len(x_train))
    return diameter(gaussians.natural_parameters(q)) * diameter(x_train) / (2 * stddev) ** 2
