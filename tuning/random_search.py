"""Random search."""

import keras_tuner

from tuning.resumable_tuner import ResumableTuner


class RandomSearch(ResumableTuner):
    """Draws trials at random; `max_trials` is their number, 10 if it is not given.

    The arguments are those of `ResumableTuner`. The same script resumes a search that was killed.

    Example:
    >>> import tempfile
    >>> from trainers.train_config import TrainConfig
    >>> from tuning.air_hyper_model import AIRHyperModel
    >>> config = TrainConfig("digits", "dvae", "runs/best", epochs=1)
    >>> hypermodel = AIRHyperModel(config, ranges={"noise_stddev": (0.1, 0.5)})
    >>> tuner = RandomSearch(hypermodel, max_trials=2, directory=tempfile.mkdtemp())
    >>> tuner.search(verbose=0)
    >>> len(tuner.oracle.trials)
    2
    """

    oracle_class = keras_tuner.oracles.RandomSearchOracle
