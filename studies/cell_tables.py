"""Tables of the final models of a study: a line for each cell."""

from studies import markdown, records
from trainers.train_config import strengths_in_words

_TITLES = {
    **records.CURVES,
    "elbo": "ELBO",
    "inference_gap": "Δ_inf",
    "approximation_gap": "Δ_ap",
    "amortization_gap": "Δ_am",
}


def tables(plan, cells):
    """Yields a table for each k, and one for each kind of variants with their base cells.

    Args:
        plan: `Study`.
        cells: {cell: `CellRecord`}, all of one version.
    """
    trained = {name: plan.cells[name] for name, cell in cells.items() if cell.finals}
    for title, options, names in _groups(plan, trained):
        if names:
            how = ", ".join(f"{option} = {value}" for option, value in options.items())
            text = f"{_evaluated(plan, cells[names[0]])}{how and f' Trained with {how}.'}"
            yield f"## {title}\n\n{text}\n\n{_table(plan, cells, names)}"


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


def _evaluated(plan, cell):
    """On which images a cell was evaluated, and how."""
    count = len(next(iter(cell.values.values()))["elbo"])
    which = "The first " if "num_examples" in plan.evaluation else ""
    config = next(iter(cell.finals.values()))["test"]["config"]
    effort = f"k̂ = {config['num_train_samples']}, at most {config['max_steps']} steps"
    return f"{which}{count} test images; IW-SVI of air_tf {cell.version}, {effort}."


def _table(plan, cells, names):
    rows = []
    for name in names:
        cell, plain = cells[name], cells.get(plan.plain(name))
        finals = [cell.finals[seed] for seed in sorted(cell.finals)]
        config = finals[0]["config"]
        best = ", ".join(str(final["training"]["best_epoch"]) for final in finals)
        values = [str(cell.estimate(quantity)) for quantity in _TITLES]
        deltas = [""] * 3
        if plain is not None and plain is not cell and cell.shared_seeds(plain):
            deltas = [str(cell.minus(plain, q)) for q in ("log_likelihood", "inference_gap")]
            deltas.append(_joined(cell.minus_by_seed(plain, "log_likelihood")))
        steps = sum(final["test"]["mean_steps"] for final in finals) / len(finals)
        seeds = _joined(cell.seed_means("log_likelihood"))
        training = [strengths_in_words(config), f"{best} of {config['epochs']}"]
        rows.append([name, *training, *values, f"{steps:.0f}", *deltas[:2], seeds, deltas[2]])
    header = ["cell", "strength", "best epoch", *_TITLES.values(), "T", "Δ log p(x)", "Δ Δ_inf"]
    header += ["log p(x) of the seeds", "Δ log p(x) of the seeds"]
    return markdown.table(header, rows)


def _joined(means):
    return ", ".join(f"{mean:z.2f}" for mean in means)
