"""The figure and the table of a record of `studies.estimators`."""

import itertools

import matplotlib.figure
import numpy as np

from studies.markdown import document, table

_QUESTION = """# Does the estimator of log p(x) decide claim 1 on Caltech?

A bound that starts from the encoder's q favours the better encoder. The more IW-SVI optimises q,
the less it does. So we ask the same published models with few and with many steps. The paper's
number of steps, rate and k̂ are not known: this shows what an estimator can do, not what the
paper's did."""
_CAPTION = """\
Plain models have log p(x), the others the difference from the plain model of the same k: on the
first {num_test_examples} test images, in nats. At T = 0 it is the IWAE-{num_samples} bound with the
encoder's q. Then q takes T steps of IW-SVI (k̂ = {num_train_samples}), from this learning rate on,
and is widened as `iw_svi` does. ± is the standard error over images, paired for a difference. Each
model was trained once, so it does not include the variation between seeds."""


def draw(path, record):
    """Draws the differences against T: a panel for each learning rate, a line for each model."""
    rates, steps = record["config"]["learning_rates"], _steps(record)
    figure = matplotlib.figure.Figure(figsize=(5 * len(rates), 4.5), layout="constrained")
    panels = figure.subplots(1, len(rates), squeeze=False, sharey=True)[0]
    for axes, rate in zip(panels, rates, strict=True):
        for line, (name, curve) in enumerate(_differences(record, rate).items()):
            means, errors = zip(*(found["difference"].values() for found in curve), strict=True)
            x = np.arange(len(steps)) + 0.06 * line  # bars side by side
            axes.errorbar(x, means, errors, fmt="o-", capsize=3, label=name)
        axes.axhline(0, color="grey", linewidth=1)
        axes.set_xticks(range(len(steps)), steps)
        axes.set(title=f"learning rate {rate:g}", xlabel="steps of IW-SVI, T")
        axes.legend()
    panels[0].set_ylabel("Δ log p(x) (nats)")
    figure.savefig(path, dpi=110, metadata={"Software": None})


def page(record):
    """The page of the record, results/estimators.md."""
    picture = "![Δ log p(x) against the steps of IW-SVI](figures/estimators.png)"
    command = "`python -m studies.estimators` made the record, results/estimators.json."
    return document(_QUESTION, picture, markdown(record), command)


def markdown(record):
    """A table of the record, and a sentence for each rate that says which sign Δ has at which T."""
    header = ["", "learning rate", *(f"T = {steps}" for steps in _steps(record))]
    rates = record["config"]["learning_rates"]
    rows = [
        [name, f"{rate:g}", *map(_text, curve)]
        for rate in rates
        for name, curve in _curves(record, rate).items()
    ]
    caption = _CAPTION.format(**record["config"], num_test_examples=record["num_test_examples"])
    sentences = " ".join(_sentence(rate, _differences(record, rate)) for rate in rates)
    return "\n\n".join((caption, table(header, rows), sentences))


def _sentence(rate, curves):
    """The sign of each curve and where it changes; a sign is beyond two standard errors."""
    found = []
    for name, curve in curves.items():
        parts = [_sign(curve[0])]
        parts += [
            f"{_sign(after)} from T = {after['max_steps']} on"
            for before, after in itertools.pairwise(curve)
            if _sign(before) != _sign(after)
        ]
        found.append(f"{name} is {', '.join(parts)}")
    return f"At the learning rate {rate:g}, beyond two standard errors, {'; '.join(found)}."


def _sign(estimate):
    found = estimate["difference"]
    if abs(found["mean"]) <= 2 * found["standard_error"]:
        return "undecided"
    return "positive" if found["mean"] > 0 else "negative"


def _text(estimate):
    found = estimate["difference"] or estimate["log_likelihood"]
    return f"{found['mean']:z.2f} ± {found['standard_error']:.2f}"


def _steps(record):
    return [0, *record["config"]["max_steps"]]


def _curves(record, rate):
    """{model, less its plain one: its estimates at T = 0 and at each T by a learning rate}."""
    found = {}
    for estimate in record["estimates"]:
        if estimate["learning_rate"] in (None, rate):
            name = " − ".join(filter(None, (estimate["model"], estimate["plain"])))
            found.setdefault(name, []).append(estimate)
    return found


def _differences(record, rate):
    """The curves of the regularized models."""
    curves = _curves(record, rate)
    return {name: curve for name, curve in curves.items() if curve[0]["plain"] is not None}
