"""results/second_opinions.md: what the published models' cards say of each estimator."""

import air_tf
from studies import markdown

_LEGEND = """Each estimate of log p(x) that starts from the encoder has a second opinion here.
Left: the first test images of each model. AIS starts from the prior. Where Pareto k̂ > 0.7, a few
importance weights decide the estimate of an image. Right (*sim.*): images simulated from the model,
where annealing backwards gives an upper bound. In expectation, the exact log p(x) lies between it
and the others.

Nats; ± is over images. All estimates of a row are of the same images, so that their differences
vary far less than ± says. Each model was trained once. `python -m studies.second_opinions NAME`
adds a model, and `make tables` writes this page from the cards in
[saved_models](../saved_models/README.md)."""
_ESTIMATES = {"log_likelihood": "IW-SVI", "ais": "AIS", "importance_log_likelihood": "IWAE-5000"}
_BOUNDS = {
    "upper": "upper bound",
    "lower": "AIS",
    "iw_svi": "IW-SVI",
    "importance_log_likelihood": "IWAE-5000",
}


def page(folder: str | None = None) -> str:
    """The page in Markdown; empty if no card has second opinions.

    Args:
        folder: where the published models are; that of the checkout if None.
    """
    names = air_tf.zoo.list_pretrained(folder)
    opinions = {name: air_tf.zoo.read_card(name, folder).get("opinions") for name in names}
    opinions = {name: found for name, found in opinions.items() if found}
    if not opinions:
        return ""
    rows = []
    for name, found in opinions.items():
        share = f"{found['log_likelihood']['unreliable_share']:.0%}"
        estimates = [_text(found[key]) for key in _ESTIMATES]
        bounds = [_text(found["bdmc"][key]) for key in _BOUNDS]
        rows.append([name, *estimates, share, *bounds])
    titles = [
        "",
        *_ESTIMATES.values(),
        "k̂ > 0.7, IW-SVI",
        *(f"sim.: {t}" for t in _BOUNDS.values()),
    ]
    counts = sorted({found["num_examples"] for found in opinions.values()})
    return markdown.document(
        "# Second opinions on log p(x)",
        _LEGEND,
        f"{' or '.join(map(str, counts))} images of each kind.",
        markdown.table(titles, rows),
    )


def _text(found):
    return f"{found['mean']:.2f} ± {found['standard_error']:.2f}"
