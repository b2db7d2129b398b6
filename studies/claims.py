"""Checks each claim of the paper by the records: it holds, does not hold, or is undecided."""

import itertools

from studies import evidence, markdown, verdicts

_RULE = f"""A difference counts if it is more than {verdicts.NEGLIGIBLE:g} nats (rounding alone
[does as much](results/NOTES.md#static-mnist)), more than two standard errors over images, and
beyond the 95 % interval (Student's t) of the seeds. Several seeds give the interval of their mean.
For one seed, the interval comes from how differences from plain models vary over seeds on that data
set. The validation images choose the strengths; any change of a strength counts. Claim 5 has no
sign, so it cannot fail. Claim 7 compares two estimates of the same models, so seeds do not matter,
and it asks for a tenth of a nat. Claim 8 uses seeds alone, so one seed decides nothing.

Three numbers count the comparisons by which a claim *holds / does not hold / is undecided*. Below,
each line is a question of the claim. For each data set, brackets give how many seeds have the
difference on the claimed side. This is not judged, because the models of one seed are compared with
the same plain model. The column "here" has the verdict of the comparisons on the data sets in bold,
for which the paper makes the claim; it is undecided if they do not agree. A claim holds if all of
its questions hold, and does not hold if one does not. Questions in italics are not part of the
claim. Variants and searches of different lengths are listed but not counted."""
_ALL = ("caltech", "mnist", "omniglot")
# Claim, the data sets that it is made for, its questions, and the functions that answer them.
_CLAIMS = (
    (
        "Regularizing the encoder raises test log p(x), at k = 1 and at larger k",
        _ALL,
        ("log p(x) is higher",),
        (
            evidence.against_plain("log p(x) is higher", "log_likelihood", 1),
            evidence.against_plain("IWAE-5000 is higher", "importance_log_likelihood", 1),
        ),
    ),
    (
        "It lowers the test inference gap",
        ("caltech", "mnist"),
        ("the gap is lower",),
        (evidence.against_plain("the gap is lower", "inference_gap", -1),),
    ),
    (
        "Test log p(x) against the strength goes from overfitting to underfitting",
        _ALL,
        (
            "log p(x) is above the value without regularization",
            "log p(x) is above the value at the strongest",
        ),
        (evidence.from_overfitting_to_underfitting,),
    ),
    (
        "Larger k makes over-regularized models underfit less, and the best strength grows with k",
        _ALL,
        (
            "log p(x) loses less from the chosen strength to the strongest at the larger k",
            "the chosen strength is stronger at the larger k",
        ),
        (evidence.larger_k,),
    ),
    (
        "DVAE and WNI-VAE behave differently",
        ("caltech",),
        ("log p(x) differs", "the gap differs"),
        (evidence.dvae_against_wni,),
    ),
    (
        "A larger encoder hurts test log p(x) and the inference gap",
        ("mnist",),
        ("log p(x) is lower", "the gap is higher"),
        (evidence.large_encoder,),
    ),
    (
        "IW-SVI clearly beats IWAE-5000 as an estimate of log p(x)",
        _ALL,
        ("IW-SVI is above IWAE-5000 by a tenth of a nat",),
        (evidence.iw_svi,),
    ),
    (
        "With more Monte Carlo samples m the VAE overfits on the ELBO, the DVAE does not",
        _ALL,
        (
            "with more samples the VAE's ELBO ends further below its best",
            "the DVAE's ends within a tenth of a nat of its best",
        ),
        (evidence.more_samples,),
    ),
)


def assess(studies):
    """Markdown, with a section for each claim.

    Args:
        studies: {name: (`Study`, {cell: `CellRecord`})}.
    """
    sections, found = [], []
    for number, (claim, judged, own, sources) in enumerate(_CLAIMS, 1):
        questions = {question: {} for question in own}  # {question: {study: comparisons}}
        for name, study in studies.items():
            for source in sources:
                for comparison in source(*study):
                    of_studies = questions.setdefault(comparison.question, {})
                    of_studies.setdefault(name, []).append(comparison)
        verdict = _verdict([questions[question] for question in own], judged)
        found.append([f"{number}. {claim}", verdict])
        sections += [f"### {number}. {claim}", f"Here: {verdict}."]
        sections += [_tallies(questions, judged, own, list(studies)), _details(questions)]
    return "\n\n".join([markdown.table(["claim", "here"], found), _RULE, *sections])


def _verdict(own, judged):
    """The verdict on a claim by its own questions, and the counts of their comparisons."""
    counted = [_counted(of_studies, judged) for of_studies in own]
    if not any(counted):
        return "not run yet"
    answers = [_answer(comparisons) for comparisons in counted]
    verdict = "does not hold" if "does not hold" in answers else verdicts.of_all(answers)
    return f"**{verdict}** ({_counts(itertools.chain(*counted))})"


def _answer(counted):
    return verdicts.of_all(c.verdict for c in counted) if counted else "not run"


def _tallies(questions, judged, own, studies):
    rows = []
    for question, of_studies in questions.items():
        tallies = [_tally(_counted(of_studies, [name])) for name in studies]
        line = [question, _answer(_counted(of_studies, judged)), *tallies]
        if question not in own:
            line = [f"*{text}*" if text else "" for text in line]
        rows.append(line)
    names = [f"**{name}**" if name in judged else name for name in studies]
    return markdown.table(["", "here", *names], rows)


def _tally(counted):
    means = [mean for comparison in counted for mean in comparison.means]
    agreeing = sum(mean > 0 for mean in means)
    return f"{_counts(counted)} ({agreeing} of {len(means)})" if counted else ""


def _counts(comparisons):
    found = [comparison.verdict for comparison in comparisons]
    return " / ".join(str(found.count(verdict)) for verdict in verdicts.VERDICTS)


def _counted(of_studies, names):
    return [c for name in names for c in of_studies.get(name, []) if not c.note]


def _details(questions):
    """All comparisons, folded up, with a table for each question."""
    parts, count = [], 0
    for question, of_studies in questions.items():
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
    return "\n\n".join([f"<details>{summary}", *parts, "</details>"])


def _judged(comparison):
    note = f" (not counted: {comparison.note})" if comparison.note else ""
    return comparison.verdict + note, str(len(comparison.means))
