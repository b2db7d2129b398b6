"""`python -m studies.estimators`: Δ log p(x) of published models against the steps of IW-SVI."""

import dataclasses
import itertools
import pathlib
import time

import matplotlib.figure
import numpy as np
import tqdm

import air_tf
from air_tf import checks, files
from air_tf.evaluation import Estimate, finished_batches
from air_tf.evaluation.iw_svi import LEARNING_RATE
from studies import markdown as md
from trainers import command_line, provenance
from trainers.train_config import STRENGTHS

_CAPTION = """\
Plain models have log p(x), the others the difference from the plain model of the same k: on the
first {num_test_examples} test images, in nats. At T = 0 it is the IWAE-{num_samples} bound with the
encoder's q. Then q takes T steps of IW-SVI (k̂ = {num_train_samples}), from this learning rate on,
and is widened as `iw_svi` does. ± is the standard error over images, paired for a difference. Each
model was trained once, so it does not include the variation between seeds."""


@dataclasses.dataclass(frozen=True)
class EstimatorsConfig:
    """Estimate log p(x) of the published models of a data set by IW-SVI with few to many steps.

    Each regularized model is compared with the plain one of the same k; models without one are left
    out. A lower learning rate optimises q more loosely in the same steps. Writes estimators.json
    and figures/estimators.png; a record of the same options is not made again. The same command
    resumes after an interruption.
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
    """Folder for the record and the figure."""


def estimators(config):
    """Makes the record, unless there is one; draws it and prints its table."""
    options = _options(config)
    path = pathlib.Path(config.results, "estimators.json")
    if not path.exists() or files.read_json(path)["config"] != options:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(path, _measure(config, options))
    record = files.read_json(path)
    figure = path.parent / "figures" / path.with_suffix(".png").name
    figure.parent.mkdir(exist_ok=True)
    draw(figure, record)
    print(markdown(record))


def draw(path, record):
    """Draws the differences against T: a panel for each learning rate, a line for each model."""
    rates, steps = record["config"]["learning_rates"], _steps(record)
    figure = matplotlib.figure.Figure(figsize=(5 * len(rates), 4.5), layout="constrained")
    panels = figure.subplots(1, len(rates), squeeze=False, sharey=True)[0]
    for axes, rate in zip(panels, rates, strict=True):
        for line, (name, curve) in enumerate(_differences(record, rate).items()):
            means, errors = zip(
                *(estimate["difference"].values() for estimate in curve), strict=True
            )
            x = np.arange(len(steps)) + 0.06 * line  # bars side by side
            axes.errorbar(x, means, errors, fmt="o-", capsize=3, label=name)
        axes.axhline(0, color="grey", linewidth=1)
        axes.set_xticks(range(len(steps)), steps)
        axes.set(title=f"learning rate {rate:g}", xlabel="steps of IW-SVI, T")
        axes.legend()
    panels[0].set_ylabel("Δ log p(x) (nats)")
    figure.savefig(path, dpi=110, metadata={"Software": None})


def markdown(record):
    """A table of the record, and a sentence for each rate that says where Δ changes its sign."""
    header = ["", "learning rate", *(f"T = {steps}" for steps in _steps(record))]
    rates = record["config"]["learning_rates"]
    rows = [
        [name, f"{rate:g}", *map(_text, curve)]
        for rate in rates
        for name, curve in _curves(record, rate).items()
    ]
    caption = _CAPTION.format(**record["config"], num_test_examples=record["num_test_examples"])
    sentences = " ".join(_sentence(rate, _differences(record, rate)) for rate in rates)
    return "\n\n".join((caption, md.table(header, rows), sentences))


def _sentence(rate, curves):
    changed, kept = [], []
    for name, curve in curves.items():
        signs = [estimate["difference"]["mean"] > 0 for estimate in curve]
        changes = [
            f"from {_text(before)} at T = {before['max_steps']} "
            f"to {_text(after)} at T = {after['max_steps']}"
            for (before, after), (was, now) in zip(
                itertools.pairwise(curve), itertools.pairwise(signs), strict=True
            )
            if was != now
        ]
        if changes:
            changed.append(f"{name} ({', '.join(changes)})")
        else:
            kept.append(f"{name} ({'positive' if signs[0] else 'negative'})")
    found = {"changes its sign": changed, "keeps its sign": kept}
    parts = [f"{verb} for {'; '.join(names)}" for verb, names in found.items() if names]
    return f"At the learning rate {rate:g}, Δ log p(x) {', and '.join(parts)}."


def _steps(record):
    return [0, *record["config"]["max_steps"]]


def _text(estimate):
    found = estimate["difference"] or estimate["log_likelihood"]
    return f"{found['mean']:z.2f} ± {found['standard_error']:.2f}"


def _curves(record, rate):
    """{model, less its plain one: its estimates at T = 0 and at each T by a learning rate}."""
    found = {}
    for estimate in record["estimates"]:
        if estimate["learning_rate"] in (None, rate):
            name = " − ".join(filter(None, (estimate["model"], estimate["plain"])))
            found.setdefault(name, []).append(estimate)
    return found


def _differences(record, rate):
    """The curves of the regularized models."""
    curves = _curves(record, rate)
    return {name: curve for name, curve in curves.items() if curve[0]["plain"] is not None}


def _options(config):
    """The options on which the numbers depend, as JSON keeps them."""
    for name, check in (("max_steps", checks.positive_int), ("learning_rates", checks.positive)):
        values = getattr(config, name)
        if not values:
            raise ValueError(f"`{name}` must hold at least one number. Received: {name}={values}")
        for value in values:
            check(name, value)
    for name in ("num_examples", "num_samples", "num_train_samples"):
        checks.positive_int(name, getattr(config, name))
    options = dataclasses.asdict(config)
    for name in ("data_dir", "manual_dir", "work", "results"):
        del options[name]
    max_steps, learning_rates = sorted(set(config.max_steps)), list(config.learning_rates)
    return {**options, "max_steps": max_steps, "learning_rates": learning_rates}


def _measure(config, options):
    """The record: options, versions, and an estimate of each model at each rate and T."""
    pairs, work = _pairs(config.dataset), pathlib.Path(config.work)
    folders = {"data_dir": config.data_dir, "manual_dir": config.manual_dir}
    x = air_tf.datasets.load(config.dataset, **folders).test[: config.num_examples]
    work.mkdir(parents=True, exist_ok=True)
    versions = provenance.keep_versions(work)
    efforts = [(None, 0), *itertools.product(options["learning_rates"], options["max_steps"])]
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
    about = {"config": options, "versions": versions, "num_test_examples": len(x)}
    return {**about, "estimates": estimates}


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
