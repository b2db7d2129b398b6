"""A claim of the paper judged by the records: it holds, does not hold, or is undecided."""

import dataclasses
import itertools

from studies import claims, verdicts


@dataclasses.dataclass(frozen=True)
class Assessment:
    """What the records say about a claim.

    Attributes:
        claim: `Claim`.
        answers: {question: {study: its `Comparison`s}}; the claim's own questions come first.
    """

    claim: claims.Claim
    answers: dict

    @property
    def verdict(self):
        """Holds if all own questions do, does not hold if one does not; else undecided."""
        found = [self.answer(question) for question in self.claim.questions]
        if set(found) == {"not run"}:
            return "not run yet"
        return "does not hold" if "does not hold" in found else verdicts.of_all(found)

    @property
    def number(self):
        """The numbers that decide the claim, in words."""
        counted = ((text, self.counted(name)) for name, text in self.claim.questions.items())
        return "; ".join(text.format(**verdicts.numbers(c)) for text, c in counted if c)

    @property
    def tally(self):
        """By how many comparisons the claim holds, does not hold, is undecided."""
        counted = (self.counted(question) for question in self.claim.questions)
        return verdicts.tally([c.verdict for c in itertools.chain(*counted)])

    def answer(self, question):
        """The verdict on a question."""
        counted = self.counted(question)
        return verdicts.of_all(c.verdict for c in counted) if counted else "not run"

    def counted(self, question, studies=None):
        """The comparisons that count, of some studies; of those of the claim if None."""
        names = self.claim.studies if studies is None else studies
        return [c for name in names for c in self.answers[question].get(name, []) if not c.note]


def assess(studies):
    """An `Assessment` of each claim.

    Args:
        studies: {name: (`Study`, {cell: `CellRecord`})}; the cells of one version are compared.
    """
    return [_assess(claim, studies) for claim in claims.CLAIMS]


def _assess(claim, studies):
    answers = {question: {} for question in claim.questions}
    for name, (plan, cells) in studies.items():
        for source in claim.sources:
            for comparison in source(plan, cells):
                of_studies = answers.setdefault(comparison.question, {})
                of_studies.setdefault(name, []).append(comparison)
    return Assessment(claim, answers)
