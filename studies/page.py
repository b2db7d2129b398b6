"""The page of a study: its outcome, tables, searches and figures, and what is missing."""

from studies import cell_tables, curves, figures, markdown, outcomes, records
from trainers.train_config import STRENGTHS

_LEGEND = (
    "[README.md](README.md) says what names and columns mean, [NOTES.md](NOTES.md) why the results "
    "are so, as far as we know."
)
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


def write(name, plan, found, folder):
    """The page of a study, in Markdown; draws its figures into `folder`/figures.

    Args:
        name: of the study.
        plan: `Study`.
        found: {version: {cell: `CellRecord`}}; cells of one version are compared.
        folder: `pathlib.Path` of the page.
    """
    of_study = found.get(records.STUDY_VERSION, {})
    outcome = f"{outcomes.changes(plan, of_study)} {outcomes.counts(plan, of_study)}"
    parts = [f"# {name}: {plan.dataset}", outcome, _LEGEND, _published(plan)]
    for cells in found.values():
        parts += cell_tables.tables(plan, cells)
    for version, cells in found.items():
        stem = name if version == records.STUDY_VERSION else f"{name}_{version}"
        parts += [_searches(plan, cells), *_figures(stem, plan, cells, folder)]
    return markdown.document(*parts, _missing(plan, found))


def _published(plan):
    if not plan.published:
        return ""
    rows = [[model, f"{value:.2f}", source] for model, value, source in plan.published]
    title = "Published test log p(x), each by its own estimate on all test images, for comparison"
    if "num_examples" in plan.evaluation:
        title += f" (the tables below are of the first {plan.evaluation['num_examples']} only)"
    return f"{title}:\n\n{markdown.table(['model', 'log p(x)', 'source'], rows)}"


def _searches(plan, cells):
    deltas = {
        (curve.cell, curve.hyperparameter, bound): ", ".join(
            f"{strength:g}: {delta}"
            for strength, delta in zip(curve.strengths, curve.differences, strict=True)
        )
        for bound in records.CURVES
        for curve in curves.against_strength(plan, cells, bound)
    }
    rows = []
    for name, cell in cells.items():
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


def _figures(stem, plan, cells, folder):
    for figure, (draw, caption) in _FIGURES.items():
        link = f"figures/{stem}_{figure}.png"
        if draw(folder / link, plan, cells):
            yield f"![{caption.partition(',')[0]}]({link})\n\n{caption}"


def _missing(plan, found):
    missing = []
    for name in plan.cells:
        done = {seed for cells in found.values() if name in cells for seed in cells[name].finals}
        seeds = [str(seed) for seed in plan.seeds if seed not in done]
        if seeds:
            missing.append(f"{name} (seed {', '.join(seeds)})")
    return f"Planned and not run yet: {'; '.join(missing)}." if missing else ""
