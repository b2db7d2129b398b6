"""Keras callbacks: early stopping, IW-SVI, backups, a stop on divergence, image grids."""

from air_tf.callbacks.backup_and_restore import BackupAndRestore
from air_tf.callbacks.early_stopping import EarlyStopping
from air_tf.callbacks.image_grids import ImageGrids
from air_tf.callbacks.iw_svi_validation import IWSVIValidation
from air_tf.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = ["BackupAndRestore", "EarlyStopping", "IWSVIValidation", "ImageGrids", "TerminateOnNaN"]
