"""Variational families q(z|x)."""

import abc

import tensorflow as tf
import tensorflow_probability as tfp

from air_tf import prng
from air_tf.distributions.distribution_family import DistributionFamily


class VariationalFamily(DistributionFamily, abc.ABC):
    """A family of distributions q(z|x) over latents z in R^Z, sampled by reparameterization."""

    def sample(self, q, num_samples, seed):
        """Draws reparameterized samples z = g(ε), ε ~ N(0, I).

        Args:
            q: a distribution of this family with batch shape `[...]`; `q.bijector` maps a standard
                normal to it, by an affine or other bijective map.
            num_samples: k ≥ 1.
            seed: seed tensor `[2]`.

        Returns:
            z `[k, ..., Z]`.
        """
        return self.transform(q, self.noise(q, num_samples, seed))

    def widened(self, q, factor):
        """The distribution of g(factor · ε), ε ~ N(0, I).

        Of a Gaussian it is the one with `factor` times the scale.

        Args:
            q: a `tfp.distributions.TransformedDistribution` of this family, as for `sample`.
            factor: scalar tensor or number > 0.
        """
        wider = tfp.bijectors.Chain([q.bijector, tfp.bijectors.Scale(factor)])
        return tfp.distributions.TransformedDistribution(q.distribution, wider)

    def noise(self, q, num_samples, seed):
        """Draws ε ~ N(0, I) `[k, ..., Z]` for `transform`."""
        shape = tf.concat([[num_samples], q.batch_shape_tensor(), q.event_shape_tensor()], axis=0)
        return prng.normal(shape, seed, q.dtype.name)

    def transform(self, q, noise):
        """Returns z = g(ε) `[k, ..., Z]`, differentiable in the parameters of q."""
        return q.bijector.forward(noise)
