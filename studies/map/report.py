"""What the map says: differences from the plain model, by data set, size, stop and strength."""

import pathlib

import numpy as np

from air_tf import files
from studies import verdicts
from studies.map import plan as plans
from trainers.train_config import strengths_in_words

# Ways to stop a training: by a validation bound of the encoder, by log p(x), or not at all.
TITLES = {
    "iwae": "stopped by the IWAE-64 bound",
    "log_likelihood": "stopped by log p(x)",
    "end": "not stopped",
}
# Of the second opinion: as on the map, as tight as IW-SVI gets, and without the encoder.
ESTIMATORS = {"map": "IW-SVI, as on the map", "iw_svi": 'IW-SVI, "tight"', "ais": "AIS"}
FAMILIES = {"dvae": "noise", "wni_vae": "cap", "dwni_vae": "noise and cap"}


def read(folder="results/map"):
    """{group: record} of the records of the map, in the order of the plan."""
    paths = {group: pathlib.Path(folder, f"{group}.json") for group in plans.read().cells}
    return {group: files.read_json(path) for group, path in paths.items() if path.exists()}


def read_second_opinion(folder="results/map"):
    """The record of the second opinion, or None."""
    path = pathlib.Path(folder, "second_opinion.json")
    return files.read_json(path) if path.exists() else None


def verdict(delta, sign=1):
    """Whether a difference has a sign ("holds"), the other one ("does not hold"), or "undecided".

    It counts if it is beyond two of its standard errors and beyond the 95 % interval of its seeds.

    Args:
        delta: {"mean", "standard_error", "of_seeds"} as in a record.
        sign: 1 or −1.
    """
    margins = verdicts.NEGLIGIBLE, 2 * delta["standard_error"]
    return verdicts.of(
        sign * delta["mean"], max(*margins, verdicts.half_interval(delta["of_seeds"]))
    )


def chosen(record, rule):
    """{model: the name of its cell with the best log p(x) of validation images}.

    The mean is over the seeds that all cells have.

    Args:
        record: of a data set and size.
        rule: how trainings stop, a key of `TITLES`.
    """
    cells = record["cells"]
    seeds = {name: [t["seed"] for t in cell["trainings"]] for name, cell in cells.items()}
    shared = set.intersection(*map(set, seeds.values()))
    best = {}
    for name, cell in cells.items():
        of_seeds = zip(seeds[name], cell["stopped"][rule]["validation"], strict=True)
        score = np.mean([value for seed, value in of_seeds if seed in shared])
        if cell["model"] not in best or score > best[cell["model"]][0]:
            best[cell["model"]] = score, name
    return {model: name for model, (_, name) in best.items()}


def label(cell):
    """The strengths of a cell in symbols, such as "σ = 0.2, H = 3"."""
    return strengths_in_words(cell["strength"]) or "plain"


def text(delta):
    """A difference with its error, bold if it counts."""
    found = f"{delta['mean']:+z.2f} ± {delta['standard_error']:.2f}"
    return found if verdict(delta) == "undecided" else f"**{found}**"
