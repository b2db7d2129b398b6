"""Caltech 101 Silhouettes as a TFDS builder."""

from air_tf.datasets.caltech101_silhouettes.caltech101_silhouettes_dataset_builder import (
    Caltech101Silhouettes,
)

__all__ = ["Caltech101Silhouettes"]
