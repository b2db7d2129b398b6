"""Searching the strength of the regularizers with KerasTuner, on one machine or several."""

from tuning.air_hyper_model import AIRHyperModel
from tuning.bayesian_optimization import BayesianOptimization
from tuning.config_hyper_model import ConfigHyperModel
from tuning.grid_search import GridSearch
from tuning.hyperband import Hyperband
from tuning.random_search import RandomSearch

__all__ = [
    "AIRHyperModel",
    "BayesianOptimization",
    "ConfigHyperModel",
    "GridSearch",
    "Hyperband",
    "RandomSearch",
]
