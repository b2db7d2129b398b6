"""What a network's outputs mean: the common ground of variational families and likelihoods."""

import abc


class DistributionFamily(abc.ABC):
    """Turns a network's raw outputs `[..., P]` into a TFP distribution over events `[..., E]`.

    Distributions are made anew from tensors in each call and never kept, so that no stale copy of
    a variable can hide in one. A subclass is registered with
    `keras.saving.register_keras_serializable` and, if it has options, extends `get_config`.
    """

    @abc.abstractmethod
    def num_outputs(self, event_size):
        """Number P of raw outputs that the network must produce for events of `event_size`."""

    @abc.abstractmethod
    def parameters(self, outputs):
        """Splits and constrains raw outputs `[..., P]` into a dict of named parameters."""

    @abc.abstractmethod
    def distribution(self, **parameters):
        """Returns the `tfp.distributions.Distribution` with these parameters."""

    def __call__(self, outputs):
        return self.distribution(**self.parameters(outputs))

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
