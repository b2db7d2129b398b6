"""Samples and reconstructions for TensorBoard."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from air_tf import plotting


class ImageGrids(keras.callbacks.Callback):
    """Writes grids of samples and of reconstructions to TensorBoard during training.

    Args:
        log_dir: TensorBoard's folder.
        x: observations `[N, *S]` to reconstruct; each stands above its reconstruction.
        image_shape: (height, width), or with 1 or 3 channels (height, width, channels).
        every: epochs between grids; the end of training adds one more.
        seed: int, for the latents; all grids use the same latents, so you can compare them.
    """

    def __init__(self, log_dir, x, image_shape, every=10, seed=0):
        super().__init__()
        self.log_dir = log_dir
        self.x = np.asarray(x)
        self.image_shape = image_shape
        self.every = every
        self.seed = seed
        self._epoch = 0

    def on_train_begin(self, logs=None):
        self._writer = tf.summary.create_file_writer(str(pathlib.Path(self.log_dir) / "images"))

    def on_epoch_end(self, epoch, logs=None):
        self._epoch = epoch + 1
        if self._epoch % self.every == 0:
            self._write()

    def on_train_end(self, logs=None):
        self._write()
        self._writer.close()

    def _write(self):
        grids = plotting.model_grids(self.model, self.x, self.image_shape, self.seed)
        with self._writer.as_default(step=self._epoch):
            for name, grid in grids.items():
                image = grid if grid.ndim == 3 else grid[:, :, np.newaxis]
                tf.summary.image(name, image[np.newaxis])
        self._writer.flush()
