"""Estimates of log p(x) and of the inference gaps, and encoders refitted to close them."""

from air_tf.evaluation.active_units import active_units
from air_tf.evaluation.ais import AISEstimate, ais
from air_tf.evaluation.bdmc import BDMCBounds, bdmc
from air_tf.evaluation.difference_of_means import DifferenceOfMeans
from air_tf.evaluation.estimate import Estimate
from air_tf.evaluation.generalization import Generalization, generalization
from air_tf.evaluation.importance_estimate import ImportanceEstimate, UnreliableEstimateWarning
from air_tf.evaluation.importance_log_likelihood import importance_log_likelihood
from air_tf.evaluation.inference_gaps import InferenceGaps, inference_gaps
from air_tf.evaluation.iw_svi import QUALITIES, IWSVIEstimate, iw_svi, spent_effort
from air_tf.evaluation.refit_encoder import refit_encoder

__all__ = [
    "QUALITIES",
    "AISEstimate",
    "BDMCBounds",
    "DifferenceOfMeans",
    "Estimate",
    "Generalization",
    "IWSVIEstimate",
    "ImportanceEstimate",
    "InferenceGaps",
    "UnreliableEstimateWarning",
    "active_units",
    "ais",
    "bdmc",
    "generalization",
    "importance_log_likelihood",
    "inference_gaps",
    "iw_svi",
    "refit_encoder",
    "spent_effort",
]
