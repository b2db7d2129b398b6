"""The learning-rate schedules of a training."""

import numpy as np
import pytest

from trainers import learning_rates, train
from trainers.train_config import TrainConfig


def test_burda_et_als_schedule_has_its_passes():
    """Stage i has 3^i passes at 0.001·10^(−i/7); a step has the rate of its pass."""
    rates = np.concatenate([np.full(3**i, 0.001 * 10 ** (-i / 7)) for i in range(8)])
    assert len(rates) == 3280
    schedule = learning_rates.burda(1e-3, 3280 * 2500)
    for epoch in (*range(15), 38, 39, 40, 120, 121, 363, 364, 1092, 1093, 3279):
        for step in (0, 1, 2499):
            found = float(schedule(epoch * 2500 + step))
            assert found == pytest.approx(rates[epoch], rel=1e-6), (epoch, step)


@pytest.mark.parametrize(("name", "last"), [("exponential", 1e-5), ("burda", 1e-4)])
def test_the_command_line_takes_both(name, last):
    config = TrainConfig("digits", "vae", "", epochs=328, learning_rate_schedule=name)
    model = train.build(config, train.load(config))
    steps = 328 * 10
    assert float(model.optimizer._learning_rate(0)) == pytest.approx(1e-3)
    assert float(model.optimizer._learning_rate(steps - 1)) == pytest.approx(last, rel=2e-3)
