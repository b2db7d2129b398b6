"""Hyperband."""

import keras_tuner

from tuning.resumable_tuner import ResumableTuner


class Hyperband(ResumableTuner, keras_tuner.Hyperband):
    """Trains many models for few epochs, and the best of them for more.

    The arguments are those of `ResumableTuner`, and `factor` and `hyperband_iterations` as in
    KerasTuner. The same script resumes a search that was killed.

    Args:
        hypermodel, objective: see `ResumableTuner`.
        max_epochs: epochs of the longest training; those of a config, or 100, if None.
        **options: see `ResumableTuner`.

    Example:
    >>> import tempfile
    >>> from trainers.train_config import TrainConfig
    >>> from tuning.air_hyper_model import AIRHyperModel
    >>> config = TrainConfig("digits", "dvae", "runs/best", epochs=2)
    >>> hypermodel = AIRHyperModel(config, ranges={"noise_stddev": (0.1, 0.5)})
    >>> tuner = Hyperband(hypermodel, directory=tempfile.mkdtemp())
    >>> tuner.search(verbose=0)
    >>> len(tuner.oracle.trials)
    2
    """

    oracle_class = keras_tuner.oracles.HyperbandOracle

    def __init__(self, hypermodel, objective=None, *, max_epochs=None, **options):
        self.require(hypermodel)
        max_epochs = hypermodel.max_epochs if max_epochs is None else max_epochs
        super().__init__(hypermodel, objective, max_epochs=max_epochs, **options)

    @classmethod
    def require(cls, hypermodel):
        super().require(hypermodel)
        if hypermodel.validation_freq > 1:
            raise ValueError(
                "Hyperband compares trials after few epochs and needs a validation in each. "
                f"Received: validation_freq={hypermodel.validation_freq}"
            )
