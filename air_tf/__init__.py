"""Amortized inference regularization for variational and importance-weighted autoencoders."""

import importlib

from air_tf import versions

versions.check()

from air_tf import (  # noqa: E402
    callbacks,
    datasets,
    distributions,
    evaluation,
    fitting,
    layers,
    objectives,
    plotting,
    theory,
    zoo,
)
from air_tf.exponential_decay import exponential_decay  # noqa: E402
from air_tf.export_saved_model import export_saved_model  # noqa: E402
from air_tf.models import VariationalAutoencoder, create_model, list_models  # noqa: E402

__version__ = "0.2.0"
__all__ = [
    "VariationalAutoencoder",
    "callbacks",
    "create_model",
    "datasets",
    "distributions",
    "evaluation",
    "exponential_decay",
    "export_saved_model",
    "fitting",
    "layers",
    "list_models",
    "objectives",
    "plotting",
    "theory",
    "zoo",
]


def __getattr__(name):
    if name == "tuning":  # KerasTuner takes seconds to import
        return importlib.import_module("air_tf.tuning")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
