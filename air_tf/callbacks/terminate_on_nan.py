"""Stops training when the bound is no longer a number."""

import keras
import numpy as np


class TerminateOnNaN(keras.callbacks.Callback):
    """Ends training with an error if the loss is not finite; the error says where it began.

    Raises:
        FloatingPointError: from `fit`, with the batch and the epoch where it began, and the weights
            that are not finite.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> model.compile(keras.optimizers.SGD(1e30))
    >>> x = air_tf.datasets.load("digits").train
    >>> try:
    ...     model.fit(x, verbose=0, callbacks=[air_tf.callbacks.TerminateOnNaN()])
    ... except FloatingPointError as error:
    ...     print(str(error)[:52])
    Training diverged: the loss is not finite from batch
    """

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(loss):
            return
        # The execution may have run more batches since; models of other libraries cannot tell.
        batch = getattr(self.model, "first_non_finite_batch", batch + 1)
        weights = self.model.trainable_weights
        weights = [w.path for w in weights if not np.all(np.isfinite(w.numpy()))]
        raise FloatingPointError(
            f"Training diverged: the loss is not finite from batch {batch} of epoch {self._epoch} "
            f"on; now these weights are not finite: {', '.join(weights) or 'none'}. "
            "A lower learning rate may help"
        )
