"""Which latents a model uses."""

import numpy as np

from air_tf import checks
from air_tf.evaluation.amortized_posterior import amortized_posterior
from air_tf.evaluation.map_batches import map_batches


def active_units(
    model, x: np.ndarray, threshold: float = 0.01, *, batch_size: int = 100
) -> np.ndarray:
    """Which latents are active: those whose posterior mean differs between examples.

        Var_x E_q(z|x)[z_j] > 0.01                          (Burda et al. 2015, Section 5.2)

    An inactive latent has the prior as its posterior: the decoder does not use it.

    Args:
        model: a `VariationalAutoencoder`; its q(z|x) must have a mean.
        x: array `[N, *S]`, N ≥ 2.
        threshold: the variance above which a latent is active, > 0.
        batch_size: examples evaluated at once.

    Returns:
        Boolean array `[Z]`.

    Raises:
        ValueError: for invalid pixels, fewer than two examples or a threshold ≤ 0.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, latent_dim=8, seed=0)
    >>> x = air_tf.datasets.load("digits").test
    >>> air_tf.evaluation.active_units(model, x).shape
    (8,)
    """
    threshold = checks.positive("threshold", threshold)
    (means,) = map_batches(
        _means,
        model,
        x,
        seed=0,
        batch_size=batch_size,
        description="active units",
        progress=False,
        backup_dir=None,
    )
    if len(means) < 2:
        raise ValueError(f"`x` must have at least two examples. Received: {len(means)}")
    return np.var(means, axis=0, ddof=1, dtype=np.float64) > threshold


def _means(run, x, seed):
    outputs, _ = run(amortized_posterior, x, seed)
    return (run(_mean, x, outputs),)


def _mean(model, x, outputs):
    del x
    return model.variational_family(outputs).mean()
