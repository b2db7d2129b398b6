"""Data sets: `load(name)`, and builders for data sets that TFDS does not have."""

from air_tf.datasets.binarize import binarize, dynamic_binarization
from air_tf.datasets.dataset import Dataset
from air_tf.datasets.load import list_datasets, load

__all__ = ["Dataset", "binarize", "dynamic_binarization", "list_datasets", "load"]
