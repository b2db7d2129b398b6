"""The page of the claims: the rule, the tallies and all comparisons."""

from studies import markdown, verdicts

_RULE = f"""# The claims of the paper

[RESULTS.md](../RESULTS.md) has the verdicts in short. A difference counts if it is more than
{verdicts.NEGLIGIBLE:g} nats (rounding alone [does as much](NOTES.md#static-mnist)), more than two
standard errors over images, and beyond the 95 % interval (Student's t) of the seeds. Several seeds
give the interval of their mean. For one seed, the interval comes from how differences from plain
models vary over seeds on that data set. The validation images choose the strengths; any change of a
strength counts. Claim 5 has no sign, so it cannot fail. Claim 7 compares two estimates of the same
models, so seeds do not matter, and it asks for a tenth of a nat. Claim 8 uses seeds alone, so one
seed decides nothing.

Three numbers count the comparisons by which a claim *holds / does not hold / is undecided*. Below,
each line is a question of the claim. For each data set, brackets give how many seeds have the
difference on the claimed side. This is not judged, because the models of one seed are compared with
the same plain model. The column "here" has the verdict of the comparisons on the data sets in bold,
for which the paper makes the claim; it is undecided if they do not agree. A claim holds if all of
its questions hold, and does not hold if one does not. Questions in italics are not part of the
claim. Variants and searches of different lengths are listed but not counted. All estimates are by
one version of air_tf; [README.md](README.md) says what the names of the models mean."""


def write(assessments, studies):
    """The page, in Markdown.

    Args:
        assessments: list of `Assessment`.
        studies: names of all studies.
    """
    sections = [_section(number, a, studies) for number, a in enumerate(assessments, 1)]
    return markdown.document(_RULE, *sections)


def _section(number, assessment, studies):
    title = f"## {number}. {assessment.claim.text}"
    here = assessment.verdict
    if assessment.number:
        here = f"**{here}** ({assessment.tally}): {assessment.number}"
    tallies = _tallies(assessment, studies)
    return markdown.document(title, f"Here: {here}.", tallies, _details(assessment))


def _tallies(assessment, studies):
    rows = []
    for question in assessment.answers:
        tallies = [_tally(assessment.counted(question, [name])) for name in studies]
        line = [question, assessment.answer(question), *tallies]
        if question not in assessment.claim.questions:
            line = [f"*{text}*" if text else "" for text in line]
        rows.append(line)
    judged = assessment.claim.studies
    return markdown.table(["", "here", *(f"**{n}**" if n in judged else n for n in studies)], rows)


def _tally(counted):
    if not counted:
        return ""
    return f"{verdicts.tally([c.verdict for c in counted])} ({verdicts.numbers(counted)['seeds']})"


def _details(assessment):
    """All comparisons, folded up, with a table for each question."""
    parts, count = [], 0
    for question, of_studies in assessment.answers.items():
        rows = [
            [name, comparison.pair, comparison.difference, *_judged(comparison)]
            for name, comparisons in of_studies.items()
            for comparison in comparisons
        ]
        count += len(rows)
        if rows:
            header = ["", question, "difference", "verdict", "seeds"]
            parts.append(markdown.table(header, rows))
    summary = f"<summary>{count} comparisons</summary>"
    return markdown.document(f"<details>{summary}", *parts, "</details>")


def _judged(comparison):
    note = f" (not counted: {comparison.note})" if comparison.note else ""
    return comparison.verdict + note, str(len(comparison.means))
