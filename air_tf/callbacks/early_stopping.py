"""Stops training by the validation bound, on one scale for all models."""

import warnings

import keras


class EarlyStopping(keras.callbacks.EarlyStopping):
    """`keras.callbacks.EarlyStopping` on a validation bound in nats, such as `val_iwae` (IWAE-64).

    Higher is better, except for a loss.

    The best weights are restored when training ends, early or not. Epochs without validation (see
    `validation_freq` of `fit`) do not count: patience counts validations. If there was no
    validation at all, a warning says so at the end.

    Args:
        patience: training stops after this many validations in a row without improvement.
        monitor: the bound; `val_iw_svi` needs an `IWSVIValidation` before this callback.
        **kwargs: as in Keras, such as `min_delta`.

    Example:
    >>> stopping = air_tf.callbacks.EarlyStopping(patience=20)
    >>> stopping.monitor, stopping.restore_best_weights
    ('val_iwae', True)
    """

    def __init__(self, patience, monitor="val_iwae", **kwargs):
        options = {"mode": "min" if monitor.endswith("loss") else "max", **kwargs}
        super().__init__(monitor=monitor, patience=patience, restore_best_weights=True, **options)

    def on_epoch_end(self, epoch, logs=None):
        if logs and self.monitor in logs:
            super().on_epoch_end(epoch, logs)

    def on_train_end(self, logs=None):
        if self.best is None and self.model.history.epoch:
            warnings.warn(
                f"Early stopping has seen no `{self.monitor}`: give `fit` `validation_data`, and "
                "put the callback that logs it before this one. "
                f"Received: {', '.join(self.model.history.history)}",
                stacklevel=2,
            )
        super().on_train_end(logs)
