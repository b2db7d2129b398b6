"""Grid search."""

from tuning.grid_oracle import GridOracle
from tuning.resumable_tuner import ResumableTuner


class GridSearch(ResumableTuner):
    """Tries every combination of the values of an `AIRHyperModel`, once; of a range ten values.

    The arguments are those of `ResumableTuner`. The same script resumes a search that was killed,
    which `keras_tuner.GridSearch` does not do (keras-tuner #1055).

    Example:
    >>> import tempfile
    >>> from trainers.train_config import TrainConfig
    >>> from tuning.air_hyper_model import AIRHyperModel
    >>> config = TrainConfig("digits", "dvae", "runs/best", epochs=1)
    >>> hypermodel = AIRHyperModel(config, grid={"noise_stddev": (0.1, 0.2)})
    >>> tuner = GridSearch(hypermodel, directory=tempfile.mkdtemp())
    >>> tuner.search(verbose=0)
    >>> len(tuner.oracle.trials)
    2
    """

    oracle_class = GridOracle
