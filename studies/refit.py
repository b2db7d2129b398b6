"""`python -m studies.refit`: published models before and after a refit of their encoders."""

import dataclasses
import functools
import pathlib

import numpy as np
import tqdm

import air_tf
from air_tf import checks
from air_tf.evaluation import Estimate, refit_encoder
from air_tf.evaluation.train_encoder import train_encoder
from studies import refit_report
from studies.kept_record import kept_record
from trainers import command_line, provenance

_BATCH_SIZE = 100  # of the zoo's trainings


@dataclasses.dataclass(frozen=True)
class RefitConfig:
    """Refit the encoders of published models to their decoders, and measure the gaps again.

    Beside the data, the encoder trains on samples of the model with latents of the posterior or,
    for the first model, of the prior. A control trains on with the data alone, in as many steps.
    Writes refit.json; a record of the same options is not made again. The same command resumes
    after an interruption.
    """

    dataset: str = "caltech101_silhouettes"
    """Data set of the models."""
    models: tuple[str, ...] = ("vae", "dvae", "wni_vae", "iwae8")
    """Published models."""
    num_examples: int = 500
    """How many test images, the first ones."""
    num_seeds: int = 2
    """Refits of each kind, with the seeds 0, 1, …"""
    epochs: int = 100
    """Passes over the training images, with as many samples."""
    learning_rate: float = 3e-4
    """First learning rate of the refits."""
    quality: str = "fast"
    """Of `inference_gaps`."""
    data_dir: str | None = None
    """Where TFDS keeps prepared data; TFDS's default if None."""
    manual_dir: str | None = None
    """Folder with the original files of the data set, for machines without a network."""
    work: str = "runs/refit"
    """Folder for states and values, from which the command resumes."""
    results: str = "results"
    """Folder for the record."""


def refit(config):
    """Makes the record, unless there is one, and prints its table."""
    _check(config)
    print(refit_report.markdown(kept_record(config, "refit.json", _measure)))


def _check(config):
    for name in ("num_examples", "num_seeds", "epochs"):
        checks.positive_int(name, getattr(config, name))
    checks.positive("learning_rate", config.learning_rate)
    checks.one_of("quality", config.quality, air_tf.evaluation.QUALITIES)
    known = [name.partition("/")[2] for name in _published(config.dataset)]
    if not config.models:
        raise ValueError("`models` must hold at least one name. Received: models=()")
    for name in config.models:
        checks.one_of("models", name, known)


def _published(dataset):
    found = [name for name in air_tf.zoo.list_pretrained() if name.startswith(f"{dataset}/")]
    if not found:
        raise ValueError(
            f"`dataset` must be one with published models. Received: dataset={dataset!r}"
        )
    return found


def _measure(config):
    """The versions, the gaps of each model, and what each kind of refit changes in them."""
    work = pathlib.Path(config.work)
    folders = {"data_dir": config.data_dir, "manual_dir": config.manual_dir}
    data = air_tf.datasets.load(config.dataset, **folders)
    x = data.test[: config.num_examples]
    work.mkdir(parents=True, exist_ok=True)
    versions = provenance.keep_versions(work)
    options = {"progress": False, "backup_dir": work}
    gaps = functools.partial(
        air_tf.evaluation.inference_gaps, x=x, quality=config.quality, **options
    )
    training = {"epochs": config.epochs, "learning_rate": config.learning_rate, **options}
    training["batch_size"] = _BATCH_SIZE
    before, refits = {}, []
    kinds = {name: ["posterior", "data alone"] for name in config.models}
    kinds[config.models[0]].insert(1, "prior")
    total = len(kinds) + config.num_seeds * sum(map(len, kinds.values()))
    with tqdm.tqdm(total=total, unit="evaluation") as bar:
        for name in config.models:
            bar.set_description(name)
            model = air_tf.zoo.load_pretrained(f"{config.dataset}/{name}")
            start = gaps(model)
            before[name] = start.summary()
            bar.update()
            for kind in kinds[name]:
                found = []
                for seed in range(config.num_seeds):
                    bar.set_description(f"{name}, {kind}, seed {seed}")
                    found.append(gaps(_refitted(model, data.train, kind, seed, training)))
                    bar.update()
                refits.append({"model": name, "kind": kind, "change": _changes(start, found)})
    return {
        "versions": versions,
        "num_train_examples": len(data.train),
        "num_test_examples": len(x),
        "before": before,
        "refits": refits,
    }


def _refitted(model, x, kind, seed, options):
    if kind == "data alone":
        data = model.encoder, x, lambda epoch: x, kind
        return train_encoder(model, *data, seed=seed, **options)
    return refit_encoder(model, x, latents_from=kind, seed=seed, **options)


def _changes(start, found):
    """{quantity: its change, the mean over seeds with the error over images; and by seed}."""
    changes = {}
    for name in start.summary():
        by_seed = [getattr(gaps, name) - getattr(start, name) for gaps in found]
        mean = Estimate(np.mean([change.per_example for change in by_seed], axis=0))
        changes[name] = {**mean.summary(), "by_seed": [change.mean for change in by_seed]}
    return changes


if __name__ == "__main__":
    command_line.run(refit, RefitConfig)
