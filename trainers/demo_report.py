"""What the demo found, with errors over seeds and images: as JSON, as a table and in words."""

import numpy as np
import rich.table

from trainers import evaluation_report
from trainers.over_seeds_and_images import (
    difference_over_seeds_and_images,
    over_seeds_and_images,
)
from trainers.train_config import STRENGTHS

TITLES = {"vae": "VAE", "dvae": "DVAE", "wni_vae": "WNI-VAE"}
BASELINE = "vae"
STOPPED = {"end": "Not stopped", "early": "Stopped early"}
QUANTITIES = ("log_likelihood", "elbo", "inference_gap")
# A difference counts if it is more than so many of its standard errors.
_SIGNIFICANT = 3


def summary(runs):
    """The runs and comparisons as JSON values.

    Args:
        runs: list of `demo_training.Run`.

    Returns:
        {"runs": [...], "comparisons": [...], "lost": {model: ...}}, in nats. The errors of a run
        are over images, the others over seeds and images.
    """
    return {
        "runs": [
            {
                "model": run.model.name,
                "num_importance_samples": run.model.num_importance_samples,
                "noise_stddev": run.strength.get("noise_stddev", 0.0),
                "max_norm": run.strength.get("max_norm"),
                "seed": run.seed,
                "stopped": stopped,
                **{name: getattr(gaps, name).summary() for name in QUANTITIES},
            }
            for run in runs
            for stopped, gaps in run.stopped.items()
        ],
        "comparisons": [
            {
                "model": name,
                "baseline": BASELINE,
                "stopped": stopped,
                **{
                    f"delta_{quantity}": over_seeds_and_images(
                        _values(runs, name, stopped, quantity)
                        - _values(runs, BASELINE, stopped, quantity)
                    )
                    for quantity in ("log_likelihood", "inference_gap")
                },
            }
            for stopped in STOPPED
            for name in TITLES
            if name != BASELINE
        ],
        "lost": {name: lost(runs, name) for name in TITLES},
    }


def lost(runs, name):
    """What a model that nothing stopped loses from training to test digits.

    Returns:
        {"decoder_gap" and other gaps of a `Generalization`: {"mean", "standard_error"}}, nats, over
        seeds and images.
    """
    reports = [run.generalization.gaps() for run in runs if run.model.name == name]
    return {
        gap: difference_over_seeds_and_images(
            np.stack([report[gap].first.per_example for report in reports]),
            np.stack([report[gap].second.per_example for report in reports]),
        )
        for gap in reports[0]
    }


def _values(runs, name, stopped, quantity):
    """A quantity `[seeds, images]` of a model."""
    of_model = [run for run in runs if run.model.name == name]
    return np.stack([getattr(run.stopped[stopped], quantity).per_example for run in of_model])


def table(runs, comparisons):
    """A table with a row for each model, not stopped and stopped early."""
    num_seeds, num_images = _values(runs, BASELINE, "end", "elbo").shape
    found = rich.table.Table(
        title=f"{num_images} test digits, mean over {num_seeds} seeds, nats ± standard error"
    )
    for column in ("stopped", "model", "log p(x)", "ELBO", "gap", "Δ log p(x)", "Δ gap"):
        justify = "left" if column in ("stopped", "model") else "right"
        found.add_column(column, justify=justify, no_wrap=True)
    deltas = {(entry["stopped"], entry["model"]): entry for entry in comparisons}
    for stopped in STOPPED:
        for name in TITLES:
            means = (over_seeds_and_images(_values(runs, name, stopped, q)) for q in QUANTITIES)
            delta = deltas.get((stopped, name))
            differences = delta and (delta["delta_log_likelihood"], delta["delta_inference_gap"])
            found.add_row(
                stopped, label(runs, name), *map(_text, means), *map(_text, differences or ())
            )
        found.add_section()
    found.caption = (
        f"Δ: to the plain {TITLES[BASELINE]}, paired by seed and image. The error is √(a² + b²): "
        "a over images, of the means over seeds; b over seeds, of the means over images."
    )
    return found


def table_of_losses(runs):
    """A table of what each model that nothing stopped loses from training to test digits."""
    found = rich.table.Table(title="Not stopped: lost from training to test digits, nats")
    found.add_column("model", no_wrap=True)
    for title in evaluation_report.LOSSES.values():
        found.add_column(title, justify="right")
    for name in TITLES:
        found.add_row(label(runs, name), *map(_text, lost(runs, name).values()))
    return found


def label(runs, name):
    """The title of a model with its strength."""
    strength = next(run.strength for run in runs if run.model.name == name)
    return " ".join([TITLES[name], *(f"{STRENGTHS[key]}={x:g}" for key, x in strength.items())])


def in_words(comparisons):
    """One line that says which differences count: those of more than three standard errors."""
    sentences = []
    for stopped, when in STOPPED.items():
        clauses = [
            f"with {TITLES[entry['model']]} "
            f"{_claim('log p(x)', entry['delta_log_likelihood'], 'higher', 'lower')}, "
            f"{_claim('the gap', entry['delta_inference_gap'], 'larger', 'smaller')}"
            for entry in comparisons
            if entry["stopped"] == stopped
        ]
        sentences.append(f"{when}, against the plain {TITLES[BASELINE]}: {'; '.join(clauses)}.")
    return " ".join(sentences)


def _claim(quantity, delta, more, less):
    if abs(delta["mean"]) <= _SIGNIFICANT * delta["standard_error"]:
        return f"{quantity} does not differ significantly ({_text(delta)})"
    size = {**delta, "mean": abs(delta["mean"])}
    return f"{quantity} is {more if delta['mean'] > 0 else less} by {_text(size)} nats"


def _text(found):
    return f"{found['mean']:z.2f} ± {found['standard_error']:.2f}"
