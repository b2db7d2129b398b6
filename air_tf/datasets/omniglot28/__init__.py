"""OMNIGLOT at 28×28 as a TFDS builder."""

from air_tf.datasets.omniglot28.omniglot28_dataset_builder import Omniglot28

__all__ = ["Omniglot28"]
