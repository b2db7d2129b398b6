"""Keras callbacks: early stopping, backups, an end to divergence, image grids for TensorBoard."""

from air_tf.callbacks.backup_and_restore import BackupAndRestore
from air_tf.callbacks.early_stopping import EarlyStopping
from air_tf.callbacks.image_grids import ImageGrids
from air_tf.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = ["BackupAndRestore", "EarlyStopping", "ImageGrids", "TerminateOnNaN"]
