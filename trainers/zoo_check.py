"""`python -m trainers.zoo_check`: evaluates published models and compares with their cards."""

import dataclasses

import numpy as np
import rich.console
import rich.table
import tensorflow as tf

import air_tf
from trainers import command_line, evaluate


@dataclasses.dataclass(frozen=True)
class ZooCheckConfig:
    """Verify the published models, evaluate them with new samples and compare with their cards.

    Fails if a bound or a gap differs from the card by two of its standard errors, or if the
    SavedModel does not give the same numbers as the Keras model.
    """

    names: tuple[str, ...] = ()
    """Check only these models, such as digits/dvae; all if none is named."""
    data_dir: str | None = None
    """Where TFDS keeps prepared data; TFDS's default if None."""
    manual_dir: str | None = None
    """Folder with the original files of the data sets, for machines without a network."""
    seed: int = 1
    """Seed of all samples."""


def zoo_check(config):
    """Evaluates the published models; raises ValueError if one does not match its card."""
    table = rich.table.Table(title="nats")
    for column in ("model", "", "card", "now", "difference in s.e."):
        table.add_column(column)
    failed = []
    for name in config.names or air_tf.zoo.list_pretrained():
        card = air_tf.zoo.read_card(name)
        options = {
            "run": str(air_tf.zoo.FOLDER / name),
            "out": None,
            **{key: getattr(config, key) for key in ("data_dir", "manual_dir", "seed")},
        }
        evaluation = evaluate.EvaluateConfig(**{**card["test"]["config"], **options})
        for quantity, now in evaluate.evaluate(evaluation).items():
            then = card["test"][quantity]
            difference = (now.mean - then["mean"]) / then["standard_error"]
            card_text = f"{then['mean']:.2f} ± {then['standard_error']:.2f}"
            table.add_row(name, quantity, card_text, str(now), f"{difference:+.2f}")
            if not abs(difference) < 2.0:
                failed.append(f"{name}: {quantity}")
        if not _same_saved_model(name):
            failed.append(f"{name}: saved_model")
    rich.console.Console().print(table)
    if failed:
        raise ValueError(f"Models must match their cards within 2 s.e. Received: {failed}")


def _same_saved_model(name):
    model = air_tf.zoo.load_pretrained(name)
    saved = tf.saved_model.load(str(air_tf.zoo.FOLDER / name / "saved_model"))
    # Every likelihood takes these; the first 1 is for the multinomial, which needs a total.
    x = np.random.default_rng(0).integers(0, 2, (10, np.prod(model.observation_shape)))
    x[:, 0] = 1
    x = x.reshape(-1, *model.observation_shape).astype("float32")
    bound = air_tf.evaluation.importance_log_likelihood(model, x, 100, seed=1, progress=False)
    other = saved.log_likelihood(x, tf.constant(100), tf.constant(1))
    return np.allclose(other, bound.per_example, rtol=1e-4)


if __name__ == "__main__":
    command_line.run(zoo_check, ZooCheckConfig)
