"""What a network's outputs mean: the base class of variational families and likelihoods."""

import abc


class DistributionFamily(abc.ABC):
    """Turns a network's raw outputs `[..., P]` into a TFP distribution over events `[..., E]`.

    Each call makes a new distribution from tensors and does not keep it, so no distribution can
    hold a stale copy of a variable. Register a subclass with
    `keras.saving.register_keras_serializable`; if it has options, extend `get_config`.
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
