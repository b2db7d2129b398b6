"""`python -m studies.tables`: writes RESULTS.md and its figures from the records of studies."""

import dataclasses
import os
import pathlib

from air_tf import files
from studies import claims, curves, figures, markdown, records, study
from trainers import command_line
from trainers.train_config import STRENGTHS

_TITLES = {
    **records.CURVES,
    "elbo": "ELBO",
    "inference_gap": "Δ_inf",
    "approximation_gap": "Δ_ap",
    "amortization_gap": "Δ_am",
}
_INTRODUCTION = """# Results

`make tables` writes this file from the records under `results/`, which `python -m studies.reproduce
--study NAME` makes; no number here is typed. Values are in nats per test image. log p(x) is the
IW-SVI estimate with k = 5000, by air_tf 0.1: k̂ = 8, at most 500 steps; T is the number of steps it
took. Records of later versions say so (`air_tf` among their versions) and have k̂ and T of their
own. The other bounds also take 5000 samples. Δ_inf, the inference gap, is log p(x) −
ELBO. It is the sum of Δ_ap, which the best q(z|x) of the family leaves (approximation gap), and
Δ_am, which the encoder adds (amortization gap). ± is the standard error over test images of the
mean over seeds (for claim 8, the standard error over seeds). The last columns have the mean of each
seed. Δ is the difference from the plain model of the same k and variant, and for a plain variant
from the plain model of the same k. It is paired by image, over the seeds that both models have.
Strengths have the best validation IWAE-64 bound, which also decides when to stop. "best epoch" has
the best epoch of each seed, and the most epochs allowed. A number in the title of a table or figure
is the paper's number; its [claims](#the-claims-of-the-paper) come last.

A cell has the name of its model. `d` is noise of standard deviation σ at the encoder's input
(`_half`: for half of the examples, α = 0.5). `wni` caps the norms of the encoder's weights at H.
`dwni` has both, with σ from the search of noise alone. `iwaeK` trains by the bound with k = K
samples. Variants take the strength of their model, except `resampled`, which takes the gradient
through one sample of k and has its own searches. `large_encoder` has one more hidden layer. `mM`
averages M Monte Carlo samples of the bound and trains a fixed number of epochs. `iw_svi` stops by
log p(x) of some validation images, estimated by IW-SVI, instead of by the IWAE-64 bound. `long`
takes 1,000,000 steps, of fewer images each, at a higher rate. `narrow` has layers of 200 units
instead of 500.
"""
_FIGURES = {
    "strength": (
        figures.draw_strength,
        "Bounds on test images against the strength (figures 1 and 2), as the difference from the "
        "plain model of the same k and seed, paired by image. If the plain model and the search "
        "had different numbers of epochs, it is the difference from the weakest strength. Bars are "
        "one standard error; the worst strengths lie below the picture. log p(x) is by IW-SVI. For "
        "IWAE-5000, each model of a search has its own random numbers, so even the same model "
        "would differ by its Monte Carlo error.",
    ),
    "training": (
        figures.draw_training,
        "ELBO on validation images over training without early stopping (figure 4), with m Monte "
        "Carlo samples of the bound for each image; each line is a seed. Values more than 8 nats "
        "below the best lie below the picture. The table has the models of the best epoch.",
    ),
    "stopping": (
        figures.draw_stopping,
        "Two bounds on validation images over training, for the models that stop by the second: "
        "IWAE-64 with the encoder's q, and log p(x) by IW-SVI. Each line is a seed; values more "
        "than 8 nats below the best lie below the picture.",
    ),
}


@dataclasses.dataclass(frozen=True)
class TablesConfig:
    """Write RESULTS.md and the figures from the records of all studies."""

    results: str = "results"
    """Folder of the records."""
    figures: str = "results/figures"
    """Folder of the figures."""
    out: str = "RESULTS.md"
    """The document."""


def tables(config):
    """Writes the document and the figures."""
    results, folder = pathlib.Path(config.results), pathlib.Path(config.figures)
    folder.mkdir(parents=True, exist_ok=True)
    text, everything = [_INTRODUCTION], {}
    for name in study.names():
        plan = study.read(name)
        found = records.read(results / name, plan.cells)
        everything[name] = plan, found
        text += [f"## {name}: {plan.dataset}", _published(plan), *_tables(plan, found)]
        text.append(_searches(plan, found))
        for figure, (draw, caption) in _FIGURES.items():
            file = folder / f"{name}_{figure}.png"
            if draw(file, plan, found):
                link = os.path.relpath(file, pathlib.Path(config.out).parent)
                text.append(f"![{caption.partition(',')[0]}]({link})\n\n{caption}")
        text.append(_missing(plan, found))
    text += ["## The claims of the paper", claims.assess(everything)]
    document = "\n\n".join(part.strip() for part in text if part)
    files.write_text(pathlib.Path(config.out), document)


def _published(plan):
    if not plan.published:
        return ""
    rows = [[model, f"{value:.2f}", source] for model, value, source in plan.published]
    title = "Published test log p(x), each by its own estimate on all test images, for comparison"
    if "num_examples" in plan.evaluation:
        title += f" (the tables below are of the first {plan.evaluation['num_examples']} only)"
    return f"{title}:\n\n{markdown.table(['model', 'log p(x)', 'source'], rows)}"


def _tables(plan, found):
    """A table for each k, and one for each kind of variants with their base cells."""
    trained = {name: plan.cells[name] for name, cell in found.items() if cell.finals}
    for title, options, names in _groups(plan, trained):
        if names:
            count = len(next(iter(found[names[0]].values.values()))["elbo"])
            which = "The first " if "num_examples" in plan.evaluation else ""
            how = ", ".join(f"{option} = {value}" for option, value in options.items())
            text = f"{which}{count} test images{how and f', trained with {how}'}."
            yield f"### {title}\n\n{text}\n\n{_table(plan, found, names)}"


def _groups(plan, trained):
    for number, k in enumerate(plan.num_importance_samples, 1):
        names = [name for name, cell in trained.items() if cell.k == k and cell.variant is None]
        yield f"k = {k} (table {number})", plan.training_at.get(k, {}), names
    groups = {}
    for name, cell in trained.items():
        if cell.variant:
            groups.setdefault(plan.variants[cell.variant].title, []).append(name)
    for title, variants in groups.items():
        bases = {trained[name].base for name in variants}
        yield title, {}, [name for name in trained if name in bases] + variants


def _table(plan, found, names):
    rows = []
    for name in names:
        cell, plain = found[name], found.get(plan.plain(name))
        finals = [cell.finals[seed] for seed in sorted(cell.finals)]
        config = finals[0]["config"]
        strength = ", ".join(
            f"{symbol} = {config[key]:g}"
            for key, symbol in STRENGTHS.items()
            if config[key] is not None
        )
        best = ", ".join(str(final["training"]["best_epoch"]) for final in finals)
        values = [str(cell.estimate(quantity)) for quantity in _TITLES]
        deltas = [""] * 3
        if plain is not None and plain is not cell and cell.shared_seeds(plain):
            deltas = [str(cell.minus(plain, q)) for q in ("log_likelihood", "inference_gap")]
            deltas.append(_joined(cell.minus_by_seed(plain, "log_likelihood")))
        steps = sum(final["test"]["mean_steps"] for final in finals) / len(finals)
        seeds = _joined(cell.seed_means("log_likelihood"))
        training = [strength, f"{best} of {config['epochs']}"]
        rows.append([name, *training, *values, f"{steps:.0f}", *deltas[:2], seeds, deltas[2]])
    header = ["cell", "strength", "best epoch", *_TITLES.values(), "T", "Δ log p(x)", "Δ Δ_inf"]
    header += ["log p(x) of the seeds", "Δ log p(x) of the seeds"]
    return markdown.table(header, rows)


def _joined(means):
    return ", ".join(f"{mean:z.2f}" for mean in means)


def _searches(plan, found):
    deltas = {
        (curve.cell, curve.hyperparameter, bound): ", ".join(
            f"{strength:g}: {delta}"
            for strength, delta in zip(curve.strengths, curve.differences, strict=True)
        )
        for bound in records.CURVES
        for curve in curves.against_strength(plan, found, bound)
    }
    rows = []
    for name, cell in found.items():
        for key, symbol in STRENGTHS.items():
            if cell.search and plan.cells[name].searched(key):
                trials = curves.from_weak_to_strong(cell.search["trials"], key)
                scores = (f"{t['hyperparameters'][key]:g}: {t['score']:.2f}" for t in trials)
                of_bounds = (deltas.get((name, key, bound), "") for bound in records.CURVES)
                rows.append([name, symbol, ", ".join(scores), *of_bounds])
    if not rows:
        return ""
    header = ["cell", "", "validation IWAE-64"]
    header += [f"test Δ {title}" for title in records.CURVES.values()]
    return "The results of the searches at each strength; Δ as in the figure.\n\n" + markdown.table(
        header, rows
    )


def _missing(plan, found):
    missing = []
    for name in plan.cells:
        seeds = [s for s in plan.seeds if name not in found or s not in found[name].finals]
        if seeds:
            missing.append(f"{name} (seed {', '.join(map(str, seeds))})")
    return f"Planned and not run yet: {'; '.join(missing)}." if missing else ""


if __name__ == "__main__":
    command_line.run(tables, TablesConfig)
