"""The learning-rate schedules of a training."""

import keras

import air_tf

_NUM_STAGES = 8


def schedule(config, total_iterations):
    """The schedule of a `TrainConfig` over all its optimizer steps.

    Args:
        config: `TrainConfig`; `learning_rate_schedule` names the schedule.
        total_iterations: optimizer steps of the whole run.

    Returns:
        A `keras.optimizers.schedules.LearningRateSchedule`.
    """
    rate = config.learning_rate
    if config.learning_rate_schedule == "exponential":
        return air_tf.exponential_decay(rate, total_iterations, config.learning_rate_decay)
    return burda(rate, total_iterations)


def burda(initial_learning_rate, total_iterations):
    """Eight stages i = 0 … 7, each 3 times as long as the one before, at γ_0·10^(−i/7).

    Burda et al. 2015, Section 5: stage i has 3^i passes over the data, at 0.001·10^(−i/7). That is
    3,280 passes.

    Args:
        initial_learning_rate: γ_0.
        total_iterations: optimizer steps of all stages.

    Returns:
        A `keras.optimizers.schedules.PiecewiseConstantDecay`.

    Example:
    >>> float(burda(1e-3, total_iterations=3280)(3279))
    9.999999747378752e-05
    """
    passes = [(3**stage - 1) // 2 for stage in range(1, _NUM_STAGES + 1)]
    # PiecewiseConstantDecay has the old rate at the boundary itself, and the first step is 0.
    boundaries = [total_iterations * done // passes[-1] - 1 for done in passes[:-1]]
    rates = [initial_learning_rate * 10 ** (-stage / 7) for stage in range(_NUM_STAGES)]
    return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, rates)
