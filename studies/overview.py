"""The sections of RESULTS.md."""

from studies import markdown, outcomes, verdicts


def introduction(studies):
    """What was asked, and how it is counted.

    Args:
        studies: {name: (`Study`, {cell: `CellRecord`})}.
    """
    count = sum(len(cell.finals) for _, cells in studies.values() for cell in cells.values())
    return f"""# Results

The paper says that a VAE generalizes better if its encoder is regularized: by noise at its input
(DVAE) or by caps on the norms of its weights (WNI-VAE). We ask by {count} trainings whether eight
of its claims hold. A difference counts if it is more than {verdicts.NEGLIGIBLE:g} nats, more than
two standard errors over test images, and more than seeds vary. A claim holds if each of its
questions has yes from all comparisons, and does not hold if one has no from all. Otherwise it is
undecided. Validation images stop these trainings; the map below also asks what happens if nothing
does."""


def of_claims(assessments):
    """A line for each claim: its verdict, and the numbers that decide it."""
    rows = [
        [f"{number}. {a.claim.text}", f"**{a.verdict}**", a.number]
        for number, a in enumerate(assessments, 1)
    ]
    after = (
        "The numbers are of the data sets for which the paper makes the claim; "
        "[all comparisons](results/claims.md) are on a page of their own."
    )
    return f"{markdown.table(['claim', 'verdict', 'in numbers'], rows)}\n\n{after}"


def of_studies(studies):
    """A link to the page of each study, with its main outcome.

    Args:
        studies: {name: (`Study`, {cell: `CellRecord`})}.
    """
    lines = [
        f"* [{name}](results/{name}.md), {plan.dataset}. {outcomes.counts(plan, cells)}".strip()
        for name, (plan, cells) in studies.items()
    ]
    after = (
        "[results/README.md](results/README.md) says what names and columns mean, "
        "[results/NOTES.md](results/NOTES.md) why the results are so, as far as we know. `make "
        "tables` writes this page and those that it leads to from the records under `results/`; no "
        "number is typed. `python -m studies.reproduce --study NAME` makes those of a data set."
    )
    return markdown.document("## The data sets", "\n".join(lines), after)
