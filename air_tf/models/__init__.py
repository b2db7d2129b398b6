"""The Keras model and the named models of the paper."""

from air_tf.models.create_model import create_model, list_models
from air_tf.models.variational_autoencoder import VariationalAutoencoder

__all__ = ["VariationalAutoencoder", "create_model", "list_models"]
