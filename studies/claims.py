"""The claims of the paper: their questions, what answers them, and the numbers that decide them."""

import dataclasses

from studies import evidence

_ALL = ("caltech", "mnist", "omniglot")


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        text: in words.
        studies: names of those on the data sets that it is made for.
        questions: {question: the number that answers it}, with fields of `verdicts.numbers`.
        sources: functions that yield `Comparison`s, see `studies.evidence`. They may answer other
            questions, too, which are not part of the claim.
    """

    text: str
    studies: tuple
    questions: dict
    sources: tuple


CLAIMS = (
    Claim(
        "Regularizing the encoder raises test log p(x), at k = 1 and at larger k",
        _ALL,
        {"log p(x) is higher": "higher in {agreeing} comparisons, {mean:+z.2f} nats in the mean"},
        (
            evidence.against_plain("log p(x) is higher", "log_likelihood", 1),
            evidence.against_plain("IWAE-5000 is higher", "importance_log_likelihood", 1),
        ),
    ),
    Claim(
        "It lowers the test inference gap",
        ("caltech", "mnist"),
        {"the gap is lower": "lower in {seeds} trainings, {mean:+z.2f} nats in the mean"},
        (evidence.against_plain("the gap is lower", "inference_gap", -1),),
    ),
    Claim(
        "Test log p(x) against the strength goes from overfitting to underfitting",
        _ALL,
        {
            "log p(x) is above the value without regularization": (
                "{agreeing} curves rise to the chosen strength"
            ),
            "log p(x) is above the value at the strongest": "{agreeing} fall after it",
        },
        (evidence.from_overfitting_to_underfitting,),
    ),
    Claim(
        "Larger k makes over-regularized models underfit less, and the best strength grows with k",
        _ALL,
        {
            "log p(x) loses less from the chosen strength to the strongest at the larger k": (
                "they lose less at the larger k in {agreeing} pairs"
            ),
            "the chosen strength is stronger at the larger k": (
                "the best strength is stronger in {agreeing}"
            ),
        },
        (evidence.larger_k,),
    ),
    Claim(
        "DVAE and WNI-VAE behave differently",
        ("caltech",),
        {
            "log p(x) differs": (
                "log p(x) differs by {size:.2f} nats in the mean ({holding} beyond the errors)"
            ),
            "the gap differs": "the gap by {size:.2f} ({holding})",
        },
        (evidence.dvae_against_wni,),
    ),
    Claim(
        "A larger encoder hurts test log p(x) and the inference gap",
        ("mnist",),
        {
            "log p(x) is lower": (
                "log p(x) is lower in {agreeing} comparisons ({mean:+z.2f} nats in the mean)"
            ),
            "the gap is higher": "the gap is higher in {agreeing} ({mean:+z.2f})",
        },
        (evidence.large_encoder,),
    ),
    Claim(
        "IW-SVI clearly beats IWAE-5000 as an estimate of log p(x)",
        _ALL,
        {
            "IW-SVI is above IWAE-5000 by a tenth of a nat": (
                "above by a tenth of a nat for {agreeing} models, {mean:+z.2f} nats in the mean"
            )
        },
        (evidence.iw_svi,),
    ),
    Claim(
        "With more Monte Carlo samples m the VAE overfits on the ELBO, the DVAE does not",
        _ALL,
        {
            "with more samples the VAE's ELBO ends further below its best": (
                "with more, the VAE's ELBO ends {mean:.1f} nats further below its best"
            ),
            "the DVAE's ends within a tenth of a nat of its best": (
                "the DVAE's ends {mean:.1f} below its best"
            ),
        },
        (evidence.more_samples,),
    ),
)
