"""The main outcome of a study, in a sentence or two."""

from studies import evidence

_REGULARIZERS = {"dvae": "with noise", "wni_vae": "with caps"}
_KS = (1, 8)


def changes(plan, cells):
    """Sentences: how noise and caps change log p(x) and the gap. Empty without such cells.

    Args:
        plan: `Study`.
        cells: {cell: `CellRecord`}, all of one version.
    """
    sentences = []
    for k in _KS:
        plain, parts = cells.get(plan.name_of(plan.plain_row, k)), []
        for row, words in _REGULARIZERS.items():
            cell = cells.get(plan.name_of(row, k))
            if cell and plain and cell.shared_seeds(plain):
                deltas = [cell.minus(plain, name) for name in ("log_likelihood", "inference_gap")]
                parts.append(f"by {deltas[0]} and {deltas[1]} nats {words}")
        if parts:
            what = f"At k = {k}, log p(x) and the inference gap change"
            sentences.append(f"{what} {', and '.join(parts)}.")
    return " ".join(sentences)


def counts(plan, cells):
    """A sentence: in how many trainings the models of the grid are better. Empty without any."""
    pairs = evidence.of_grid(plan, cells)
    higher, lower = (
        [sign * mean > 0 for cell, plain in pairs for mean in cell.minus_by_seed(plain, quantity)]
        for quantity, sign in (("log_likelihood", 1), ("inference_gap", -1))
    )
    if not higher:
        return ""
    return (
        f"Of {len(higher)} trainings with a regularizer, {sum(lower)} have a smaller inference gap "
        f"than the plain model of the same k and seed, and {sum(higher)} have a higher log p(x)."
    )
