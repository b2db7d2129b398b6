"""The learning-rate schedule of the paper."""

import keras

from air_tf import checks


def exponential_decay(initial_learning_rate, total_iterations, decay=0.01):
    """Learning rate γ_i = γ_0·b^(i/i_max) over a whole training run (Shu et al. 2018, Eq. 43).

    Args:
        initial_learning_rate: γ_0 > 0.
        total_iterations: i_max ≥ 1, optimizer steps of the whole run.
        decay: b > 0, the factor on the rate at i_max (0.01 by default; the paper's value is not
            known).

    Returns:
        A `keras.optimizers.schedules.ExponentialDecay`.

    Raises:
        ValueError: for a value out of range.

    Example:
    >>> schedule = air_tf.exponential_decay(1e-3, total_iterations=100)
    >>> round(float(schedule(50)), 6)
    0.0001
    """
    return keras.optimizers.schedules.ExponentialDecay(
        checks.positive("initial_learning_rate", initial_learning_rate),
        decay_steps=checks.positive_int("total_iterations", total_iterations),
        decay_rate=checks.positive("decay", decay),
    )
