"""Amortized inference regularization for variational and importance-weighted autoencoders."""

from air_tf import versions

versions.check()

from air_tf import datasets, distributions, evaluation, layers, objectives  # noqa: E402
from air_tf.models import VariationalAutoencoder, create_model, list_models  # noqa: E402

__version__ = "0.1.0"
__all__ = [
    "VariationalAutoencoder",
    "create_model",
    "datasets",
    "distributions",
    "evaluation",
    "layers",
    "list_models",
    "objectives",
]
