"""Many optimizer steps in one XLA program, behind the `fit` that Keras documents."""

from air_tf.fitting.superbatch_model import SuperbatchModel
from air_tf.fitting.superbatch_trainer import SuperbatchTrainer

__all__ = ["SuperbatchModel", "SuperbatchTrainer"]
