"""`python -m studies.estimators`: Δ log p(x) of published models against the steps of IW-SVI."""

import dataclasses
import itertools
import pathlib
import time

import numpy as np
import tqdm

import air_tf
from air_tf import checks
from air_tf.evaluation import Estimate, finished_batches
from air_tf.evaluation.iw_svi import LEARNING_RATE
from studies import estimators_report
from studies.kept_record import kept_record
from trainers import command_line, provenance
from trainers.train_config import STRENGTHS


@dataclasses.dataclass(frozen=True)
class EstimatorsConfig:
    """Estimate log p(x) of the published models of a data set by IW-SVI with few to many steps.

    Each regularized model is compared with the plain one of the same k; models without one are left
    out. A lower learning rate optimises q more loosely in the same steps. Writes estimators.json;
    a record of the same options is not made again. The same command resumes after an interruption.
    """

    dataset: str = "caltech101_silhouettes"
    """Data set of the models."""
    num_examples: int = 300
    """How many test images, the first ones."""
    max_steps: tuple[int, ...] = (10, 25, 50, 100, 200, 500)
    """Values of T; T = 0, the bound with the encoder's q, comes first in any case."""
    learning_rates: tuple[float, ...] = (LEARNING_RATE, LEARNING_RATE / 10)
    """First learning rates of IW-SVI: its default, and a tenth for a loose optimization."""
    num_samples: int = 5000
    """k, samples of each bound."""
    num_train_samples: int = 16
    """k̂, samples of the bound that IW-SVI maximises."""
    seed: int = 0
    """Seed of all samples."""
    data_dir: str | None = None
    """Where TFDS keeps prepared data; TFDS's default if None."""
    manual_dir: str | None = None
    """Folder with the original files of the data set, for machines without a network."""
    work: str = "runs/estimators"
    """Folder for the values of finished evaluations, from which the command resumes."""
    results: str = "results"
    """Folder for the record."""


def estimators(config):
    """Makes the record, unless there is one, and prints its table."""
    _check(config)
    print(estimators_report.markdown(kept_record(config, "estimators.json", _measure)))


def _check(config):
    for name, check in (("max_steps", checks.positive_int), ("learning_rates", checks.positive)):
        values = getattr(config, name)
        if not values:
            raise ValueError(f"`{name}` must hold at least one number. Received: {name}={values}")
        for value in values:
            check(name, value)
    for name in ("num_examples", "num_samples", "num_train_samples"):
        checks.positive_int(name, getattr(config, name))


def _measure(config):
    """The versions, and an estimate of each model at each learning rate and T."""
    pairs, work = _pairs(config.dataset), pathlib.Path(config.work)
    folders = {"data_dir": config.data_dir, "manual_dir": config.manual_dir}
    x = air_tf.datasets.load(config.dataset, **folders).test[: config.num_examples]
    work.mkdir(parents=True, exist_ok=True)
    versions = provenance.keep_versions(work)
    efforts = [(None, 0), *itertools.product(config.learning_rates, config.max_steps)]
    estimates, found = [], {}
    with tqdm.tqdm(total=len(pairs) * len(efforts), unit="estimate") as bar:
        for name, plain in pairs.items():
            model = air_tf.zoo.load_pretrained(f"{config.dataset}/{name}")
            for rate, steps in efforts:
                bar.set_description(f"{name}, rate {rate}, T = {steps}")
                estimate, seconds = _evaluate(model, x, rate, steps, config)
                found[name, rate, steps] = estimate
                difference = plain and (estimate - found[plain, rate, steps]).summary()
                estimates.append(
                    {
                        "model": name,
                        "plain": plain,
                        "learning_rate": rate,
                        "max_steps": steps,
                        "log_likelihood": estimate.summary(),
                        "difference": difference,
                        "seconds": seconds,
                    }
                )
                bar.update()
    return {"versions": versions, "num_test_examples": len(x), "estimates": estimates}


def _pairs(dataset):
    """{model: plain model of the same k, None for the plain one itself}, the plain ones first."""
    names = [name for name in air_tf.zoo.list_pretrained() if name.startswith(f"{dataset}/")]
    configs = {name.partition("/")[2]: air_tf.zoo.read_card(name)["config"] for name in names}
    ks = {name: config["num_importance_samples"] for name, config in configs.items()}
    plain = {
        ks[name]: name
        for name, config in configs.items()
        if all(config[strength] is None for strength in STRENGTHS)
    }
    pairs = {n: plain[k] for n, k in ks.items() if k in plain and n not in plain.values()}
    if not pairs:
        raise ValueError(
            "`dataset` must be one with a published regularized model and the plain one of the "
            f"same k. Received: dataset={dataset!r}"
        )
    names = sorted({*pairs, *pairs.values()}, key=lambda name: (ks[name], name in pairs, name))
    return {name: pairs.get(name) for name in names}


def _evaluate(model, x, rate, steps, config):
    """The `Estimate` by a learning rate and T, and its seconds; kept in the folder of the work."""
    options = {"num_samples": config.num_samples, "seed": config.seed, "progress": False}
    if steps:
        counts = {"num_train_samples": config.num_train_samples, "max_steps": steps}
        options |= {"learning_rate": rate, **counts}

    def compute(_):
        start = time.perf_counter()
        evaluation = air_tf.evaluation
        evaluate = evaluation.iw_svi if steps else evaluation.importance_log_likelihood
        values = evaluate(model, x, **options).per_example
        return [values, np.array(time.perf_counter() - start)]

    identity = (model.get_config(), options)
    folder = finished_batches.folder(config.work, (x, *model.get_weights()), identity)
    ((values, seconds),) = finished_batches.outputs([0], compute, folder)
    return Estimate(values), float(seconds)


if __name__ == "__main__":
    command_line.run(estimators, EstimatorsConfig)
