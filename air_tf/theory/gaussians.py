"""Gaussian posteriors of the training points, and their natural parameters."""

import collections.abc

import tensorflow as tf
import tensorflow_probability as tfp

from air_tf import distributions

_FAMILIES = {
    frozenset({"loc", "scale"}): distributions.DiagonalGaussianFamily,
    frozenset({"loc", "scale_tril"}): distributions.FullCovarianceGaussianFamily,
}


def from_parameters(q):
    """What `model.encode` returns, as a distribution; a distribution is returned as it is."""
    if not isinstance(q, collections.abc.Mapping):
        return q
    family = _FAMILIES.get(frozenset(q))
    if family is None:
        raise ValueError(
            "`q_of_train` must be a distribution, or have the keys loc and scale, or loc and "
            f"scale_tril, as `model.encode` returns them. Received: q_of_train.keys()={list(q)}"
        )
    dtype = tf.convert_to_tensor(q["loc"]).dtype
    return family().distribution(**{key: tf.cast(q[key], dtype) for key in q})


def check_batch(q, num_train):
    """Raises ValueError unless a distribution has one posterior for each training point."""
    if q.batch_shape != [num_train]:
        raise ValueError(
            f"`q_of_train` must have the batch shape [{num_train}], one q for each of `x_train`. "
            f"Received: q_of_train.batch_shape={q.batch_shape}"
        )


def require_gaussian(q):
    """Raises TypeError unless a distribution is a multivariate normal of TFP."""
    if not isinstance(q, tfp.distributions.MultivariateNormalLinearOperator):
        raise TypeError(
            "`q_of_train` must be Gaussian: a MultivariateNormalDiag, another multivariate normal "
            f"of TFP, or what `model.encode` returns. Received: a {type(q).__name__}"
        )


def natural_parameters(q):
    """η = (Λμ, −Λ/2) of Gaussians `[N]` of mean μ and precision Λ: float64 `[N, P]`.

    With a diagonal Λ, P = 2Z; otherwise P = Z + Z². The sufficient statistics are z and z², or z
    and zzᵀ. The Euclidean norm of η is then that of Λμ and of Λ/2 (Frobenius) together.

    Raises:
        ValueError: unless all of them are finite.
    """
    loc = tf.cast(q.mean(), tf.float64)
    if is_diagonal(q):
        precision = tf.cast(q.stddev(), tf.float64) ** -2
        eta = tf.concat([precision * loc, -precision / 2], axis=-1)
    else:
        inverse = tf.linalg.inv(tf.cast(q.scale.to_dense(), tf.float64))
        precision = tf.linalg.matmul(inverse, inverse, transpose_a=True)
        linear = tf.linalg.matvec(precision, loc)
        quadratic = tf.broadcast_to(-precision / 2, [*linear.shape, linear.shape[-1]])
        eta = tf.concat([linear, tf.reshape(quadratic, [len(linear), -1])], axis=-1)
    unfit = tf.where(~tf.reduce_all(tf.math.is_finite(eta), axis=1))
    if len(unfit):
        raise ValueError(
            "`q_of_train` must have finite means and scales other than 0. "
            f"Received: others at q_of_train[{unfit[0, 0]}]"
        )
    return eta


def from_natural_parameters(eta, like):
    """The Gaussians of η `[M, P]`, of the kind and dtype of the distribution `like`."""
    size = like.event_shape[0]
    linear, quadratic = -2 * eta[:, :size], -2 * eta[:, size:]
    if is_diagonal(like):
        loc, scale = -linear / 2 / quadratic, quadratic**-0.5
        return tfp.distributions.MultivariateNormalDiag(
            tf.cast(loc, like.dtype), tf.cast(scale, like.dtype)
        )
    precision = tf.reshape(quadratic, [-1, size, size])
    # Λ = UUᵀ with an upper triangular U, by Cholesky from the last row on; (U⁻¹)ᵀ is the scale.
    upper = tf.reverse(tf.linalg.cholesky(tf.reverse(precision, [-2, -1])), [-2, -1])
    scale = tf.linalg.matrix_transpose(tf.linalg.inv(upper))
    loc = tf.linalg.matvec(scale, tf.linalg.matvec(scale, -linear / 2, transpose_a=True))
    return tfp.distributions.MultivariateNormalTriL(
        tf.cast(loc, like.dtype), tf.cast(tf.linalg.band_part(scale, -1, 0), like.dtype)
    )


def is_diagonal(q):
    """Whether a Gaussian's covariance is diagonal by its class."""
    return isinstance(q, tfp.distributions.MultivariateNormalDiag)
