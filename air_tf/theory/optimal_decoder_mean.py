"""The optimal decoder for a fixed encoder, by Proposition 2."""

from collections.abc import Mapping

import numpy.typing as npt
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf import checks
from air_tf.theory import gaussians


def optimal_decoder_mean(
    q_of_train: tfp.distributions.Distribution | Mapping[str, npt.ArrayLike],
    x_train: npt.ArrayLike,
    z: npt.ArrayLike,
) -> tf.Tensor:
    """The mean of p(x|z) that is best for a fixed encoder if the decoder's capacity is infinite.

        μ*(z) = Σ_i [q(z|x_i)/Σ_j q(z|x_j)] x_i              (Shu et al. 2018, Proposition 2)

    It holds for each likelihood of an exponential family whose sufficient statistics for the mean
    are x: Bernoulli, Poisson, and the mean of a Gaussian. Every μ*(z) is an average of training
    points. So if the q(z|x_i) do not overlap, the decoder repeats the training set; an encoder that
    cannot tell the training points apart, as with noise or a cap, makes it average them.

    Args:
        q_of_train: the q(z|x_i): a TFP distribution with batch shape `[N]` and event shape `[Z]`,
            or what `model.encode(x_train)` returns.
        x_train: training points `[N, *S]`.
        z: latents `[..., Z]`. Their densities `[..., N]` are in memory at once.

    Returns:
        Means `[..., *S]` in the dtype of q. They are NaN where all q(z|x_i) are 0.

    Raises:
        ValueError: for shapes that do not fit.

    Example:
    >>> q_of_train = {"loc": [[-1.0], [1.0]], "scale": [[1.0], [1.0]]}
    >>> x_train = [[0.0, 1.0], [1.0, 1.0]]
    >>> mean = air_tf.theory.optimal_decoder_mean(q_of_train, x_train, [[-9.0], [0.0], [9.0]])
    >>> mean.numpy().round(3).tolist()
    [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]]
    """
    q = gaussians.from_parameters(q_of_train)
    x_train = checks.observations(x_train, name="x_train")
    gaussians.check_batch(q, len(x_train))
    z = tf.cast(z, q.dtype)
    if z.shape[-1:] != q.event_shape:
        raise ValueError(
            f"`z` must have the shape [..., {q.event_shape[0]}], as the events of `q_of_train`. "
            f"Received: z.shape={z.shape}"
        )
    shares = tf.nn.softmax(q.log_prob(z[..., tf.newaxis, :]), axis=-1)
    return tf.tensordot(shares, tf.cast(x_train, q.dtype), axes=1)
