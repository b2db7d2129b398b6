"""Batches that Python makes, whose pixels are checked as they come."""

import keras


def checked_batches(batches, check):
    """A generator or `keras.utils.PyDataset` of the same batches x or (x, ...).

    Args:
        batches: such a one.
        check: function of x that raises ValueError if it is unfit.
    """
    if isinstance(batches, keras.utils.PyDataset):
        return _CheckedPyDataset(batches, check)
    return (_checked(batch, check) for batch in batches)


class _CheckedPyDataset(keras.utils.PyDataset):
    def __init__(self, dataset, check):
        super().__init__(dataset.workers, dataset.use_multiprocessing, dataset.max_queue_size)
        self._dataset, self._check = dataset, check

    def __getitem__(self, index):
        return _checked(self._dataset[index], self._check)

    @property
    def num_batches(self):
        return self._dataset.num_batches

    def on_epoch_begin(self):
        self._dataset.on_epoch_begin()

    def on_epoch_end(self):
        self._dataset.on_epoch_end()


def _checked(batch, check):
    check(batch[0] if isinstance(batch, tuple | list) else batch)
    return batch
