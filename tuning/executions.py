"""The executions of a trial: each has a seed of its own, leaves a record, and can be resumed."""

import copy
import os
import shutil

import keras
import numpy as np
from keras_tuner import errors

from air_tf import files
from air_tf.callbacks import BackupAndRestore
from trainers import provenance, run_folder, train
from tuning import report


def run(hypermodel, trial, path, number, callbacks, validation_freq, train_once):
    """Does the executions of a trial that are not on record, from a backup if there is one.

    KerasTuner repeats a trial if it was killed before it took notice of the trial's end; then all
    of them are on record.

    Args:
        hypermodel: the `AIRHyperModel`.
        trial: the KerasTuner trial.
        path: `pathlib.Path` of its folder.
        number: how many executions it has.
        callbacks: those that the user gave to `search`.
        validation_freq: as in Keras's `fit`.
        train_once: function of `callbacks` and `resuming`; returns [history].

    Returns:
        The records, a dict for each execution.

    Raises:
        FailedTrialError: if the training diverges.
        FatalValueError: for any other error; KerasTuner ends the search and can resume the trial.
    """
    records = report.read(path / report.EXECUTIONS)[:number]
    monitor, backups = hypermodel.monitor, path / run_folder.BACKUPS
    for execution in range(len(records), number):
        hypermodel.execution = execution
        hypermodel.best = max((record[monitor] for record in records), default=None)
        copies = [_with_folder_of(execution, callback) for callback in callbacks]
        try:
            folder = backups / str(execution)
            record = _record(hypermodel, folder, copies, validation_freq, train_once)
        except (FloatingPointError, errors.FailedTrialError) as error:
            shutil.rmtree(backups, ignore_errors=True)
            raise errors.FailedTrialError(str(error)) from error
        except errors.FatalError:
            raise
        except Exception as error:
            values = trial.hyperparameters.values
            raise errors.FatalValueError(f"{error}. Received: {values}") from error
        finally:
            hypermodel.execution = 0
        records.append(record)
        files.write_json(path / report.EXECUTIONS, records)
    shutil.rmtree(backups, ignore_errors=True)
    return records


def _record(hypermodel, folder, callbacks, validation_freq, train_once):
    """Trains a model, or resumes its training from the backups in a folder; returns the record."""
    folder.mkdir(parents=True, exist_ok=True)
    versions = provenance.keep_versions(folder)
    stopwatch, seed = train.Stopwatch(), hypermodel.seed + hypermodel.execution
    resuming = [BackupAndRestore(folder, hypermodel.backup_seconds), stopwatch]
    (history,) = train_once(callbacks=callbacks, resuming=resuming)
    bounds = history.history[hypermodel.monitor]
    return {
        "seed": seed,
        hypermodel.monitor: max(bounds),
        "best_epoch": _validated(history.epoch, validation_freq)[int(np.argmax(bounds))],
        "epochs": len(history.epoch),
        "seconds": stopwatch.seconds,
        "versions": versions,
    }


def _validated(epochs, freq):
    """The numbers, from 1, of those epochs that had a validation."""
    numbers = (epoch + 1 for epoch in epochs)
    return [n for n in numbers if (n % freq == 0 if isinstance(freq, int) else n in freq)]


def _with_folder_of(execution, callback):
    """The callback, or a copy of a TensorBoard callback that writes to an execution's folder."""
    if isinstance(callback, keras.callbacks.TensorBoard):
        callback = copy.copy(callback)
        callback.log_dir = os.path.join(callback.log_dir, f"execution{execution}")
    return callback
