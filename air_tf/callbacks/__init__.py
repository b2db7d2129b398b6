"""Keras callbacks: early stopping on the validation bound, backups, image grids for TensorBoard."""

from air_tf.callbacks.backup_and_restore import BackupAndRestore
from air_tf.callbacks.early_stopping import EarlyStopping
from air_tf.callbacks.image_grids import ImageGrids

__all__ = ["BackupAndRestore", "EarlyStopping", "ImageGrids"]
