"""Likelihoods p(x|z), each of which says which observations it takes."""

import abc

import numpy as np

from air_tf import checks
from air_tf.distributions.distribution_family import DistributionFamily


class Likelihood(DistributionFamily, abc.ABC):
    """A family of distributions p(x|z) over observations x `[N, *S]` of any shape S.

    A likelihood has `num_outputs(C)` raw outputs for the C numbers of the last axis of S:
    `parameters` splits and constrains the outputs of the decoder, `[..., *S[:-1], num_outputs(C)]`,
    into parameters `[..., *S]`. The log-density sums over S: `distribution` gets the parameters
    with the axes of S made one, `[..., D]`, and returns a distribution over events `[D]`.

    One of your own has these three methods, says in `values` what observations hold, and in
    `contains` which values those are:

    >>> @keras.saving.register_keras_serializable(package="docs")
    ... class Exponential(air_tf.distributions.Likelihood):
    ...     values = "positive numbers"
    ...
    ...     def contains(self, x):
    ...         return (x > 0) & (x < np.inf)
    ...
    ...     def num_outputs(self, event_size):
    ...         return event_size
    ...
    ...     def parameters(self, outputs):
    ...         return {"rate": tf.math.softplus(outputs) + 1e-3}
    ...
    ...     def distribution(self, rate):
    ...         return tfp.distributions.Independent(tfp.distributions.Exponential(rate), 1)
    >>> model = air_tf.create_model("vae", input_dim=3, likelihood=Exponential(), seed=0)
    >>> model.log_weights(np.ones((2, 3), "float32"), num_samples=4).shape
    TensorShape([4, 2])
    """

    values: str  # what observations hold, for messages
    rescaling = None  # (scale, offset) that brings observations near [-1, 1], for an encoder
    is_real = False  # whether whole numbers in an integer dtype are refused

    @abc.abstractmethod
    def contains(self, x):
        """Which values of an array x `[N, *S]` the likelihood takes: booleans of its shape."""

    def check(self, x, name="x"):
        """Raises ValueError unless a NumPy array `[N, *S]` holds what the likelihood takes.

        Args:
            x: the array.
            name: what the message calls it.
        """
        if x.dtype.kind not in ("f" if self.is_real else "buif"):
            advice = f" in a floating dtype, such as `{name}.astype('float32')`"
            raise ValueError(
                f"`{name}` must hold {self.values}{advice if self.is_real else ''}. "
                f"Received: {name}.dtype={x.dtype}"
            )
        fits = np.broadcast_to(self.contains(x), x.shape)
        checks.values(x, fits, self.values, name, self.advice)

    def advice(self, value):
        """What the message about a value that the likelihood does not take says after `values`."""
        del value
        return ""

    def given_totals(self, p, x):
        """The distribution of simulated observations that are to stand beside x.

        Args:
            p: a distribution of this likelihood with batch shape `[...]`.
            x: observations `[..., D]`.

        Returns:
            p; but where the likelihood takes the total of counts as given, p with the totals of x.
        """
        del x
        return p

    def marginal_outputs(self, x):
        """Raw outputs `[num_outputs(C)]` whose distribution has the means of x, and its spread.

        A decoder that starts from them, as its last bias, need not learn them. They are smoothed,
        so that they are finite also where a column of x is constant.

        Args:
            x: `[N, C]`, float64.

        Returns:
            NumPy array, or None: the likelihood has no such outputs. The default.
        """
        del x
