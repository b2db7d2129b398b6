"""Bayesian optimization."""

from tuning.bayesian_oracle import BayesianOracle
from tuning.resumable_tuner import ResumableTuner


class BayesianOptimization(ResumableTuner):
    """Proposes trials by a Gaussian process; `max_trials` is their number, 10 if it is not given.

    The arguments are those of `ResumableTuner`, and `num_initial_points`, `alpha` and `beta` as in
    KerasTuner. The same script resumes a search that was killed, with the same proposals.

    Example:
    >>> import tempfile
    >>> from trainers.train_config import TrainConfig
    >>> from tuning.air_hyper_model import AIRHyperModel
    >>> config = TrainConfig("digits", "dvae", "runs/best", epochs=1)
    >>> hypermodel = AIRHyperModel(config, ranges={"noise_stddev": (0.1, 0.5)})
    >>> tuner = BayesianOptimization(hypermodel, max_trials=2, directory=tempfile.mkdtemp())
    >>> tuner.search(verbose=0)
    >>> len(tuner.oracle.trials)
    2
    """

    oracle_class = BayesianOracle

    @classmethod
    def require(cls, hypermodel):
        super().require(hypermodel)
        if not hypermodel.ranges:
            raise ValueError(
                "Bayesian optimization would try values of a grid again and again; give it a "
                "--range (`ranges` in a script), or take the tuner grid or random. "
                f"Received: grid={hypermodel.grid}"
            )
