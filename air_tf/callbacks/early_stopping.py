"""Stopping by the validation bound, on one scale for all models."""

import keras


class EarlyStopping(keras.callbacks.EarlyStopping):
    """`keras.callbacks.EarlyStopping` on `val_iwae`, the validation IWAE-64 bound in nats.

    The best weights are restored when training ends, early or not. Epochs without validation (see
    `validation_freq` of `fit`) are passed over: patience counts validations.

    Args:
        patience: validations in a row without improvement after which training stops.
        **kwargs: as in Keras, such as `min_delta`.

    Example:
    >>> stopping = air_tf.callbacks.EarlyStopping(patience=20)
    >>> stopping.monitor, stopping.restore_best_weights
    ('val_iwae', True)
    """

    def __init__(self, patience, **kwargs):
        super().__init__(
            monitor="val_iwae", mode="max", patience=patience, restore_best_weights=True, **kwargs
        )

    def on_epoch_end(self, epoch, logs=None):
        if logs and self.monitor in logs:
            super().on_epoch_end(epoch, logs)
