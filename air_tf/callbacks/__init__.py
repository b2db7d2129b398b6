"""Keras callbacks: early stopping on the validation bound, image grids for TensorBoard."""

from air_tf.callbacks.early_stopping import EarlyStopping
from air_tf.callbacks.image_grids import ImageGrids

__all__ = ["EarlyStopping", "ImageGrids"]
