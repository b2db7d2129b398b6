"""The progress bar of `fit` and `evaluate`."""

import keras


class ProgressBar(keras.callbacks.ProgbarLogger):
    """Keras's own, which counts the batches that an execution really had.

    Keras calls batch hooks with the index that the last batch of a full execution would have. That
    can be past the end of the data.
    """

    def on_train_batch_begin(self, batch, logs=None):
        self._first = batch

    on_test_batch_begin = on_train_batch_begin

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(self._last(), logs)

    def on_test_batch_end(self, batch, logs=None):
        super().on_test_batch_end(self._last(), logs)

    def _last(self):
        return self._first + self.model.batches_in_execution - 1
