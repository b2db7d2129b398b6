"""Weights of the best epoch, for `tuner.get_best_models()`."""

import keras


class BestWeights(keras.callbacks.Callback):
    """Lets KerasTuner save the weights after an epoch that was the best so far.

    KerasTuner's own callback also saves after every epoch that has no validation, over the weights
    of the best one; and it forgets what was best if `BackupAndRestore` resumes a training.

    Args:
        saver: KerasTuner's callback.
        objective: its `keras_tuner.Objective`.
        best: value above which an epoch is the best; None for any.
    """

    def __init__(self, saver, objective, best=None):
        super().__init__()
        self._saver, self._objective = saver, objective
        self.best = best

    def on_epoch_end(self, epoch, logs=None):
        if not self._objective.has_value(logs or {}):
            return
        value = float(self._objective.get_value(logs))
        if self.best is None or self._objective.better_than(value, self.best):
            self.best = value
            self._saver.set_model(self.model)
            self._saver.on_epoch_end(epoch, logs)
