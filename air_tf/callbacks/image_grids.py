"""Samples and reconstructions for TensorBoard."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from air_tf import plotting


class ImageGrids(keras.callbacks.Callback):
    """Writes grids of samples and of reconstructions to TensorBoard as training goes on.

    Args:
        log_dir: TensorBoard's folder.
        x: observations `[N, D]` to reconstruct; each is shown above its reconstruction.
        image_shape: (height, width).
        every: epochs between grids; one more is written when training ends.
        seed: int, of the latents: the same in each grid, so that they can be compared.
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
                tf.summary.image(name, grid[np.newaxis, :, :, np.newaxis])
        self._writer.flush()
