"""The map in words: a section of RESULTS.md, and a page of its own."""

from studies import markdown, verdicts
from studies.map import report

_LEGEND = """Each training takes 3 times the steps after which a plain VAE of its size has the best
log p(x) of validation images ([plan](../studies/map/plan.yaml)). So one training gives three
models: **stopped by the IWAE-64 bound** of validation images, asked 24 times in a training;
**stopped by log p(x)** of 300 validation images, asked 8 times, after 1/4, 1/2, 3/4, 1, 3/2, 2, 5/2
and 3 times the plain model's best steps; and **not stopped**. What peaks between these times counts
a little too low, which is more often a regularized model than the plain one.

A seed draws its own N training images; where N is all of them (1,000 digits, 4,100 silhouettes), it
is for initial weights, orders and noise alone. log p(x) is by IW-SVI of air_tf 0.2,
`quality="fast"` with k = 1,000, of 500 test images. ± is the standard error over seeds and images,
√(e_images² + e_seeds²). A difference from the plain model counts (bold) if it is beyond two of
these and beyond the 95 % interval of its seeds (Student's t). There are three seeds, and eight for
σ = 0.2 at 4,100 silhouettes, which the plan named before it ran. `python -m studies.map.run`
trains, `python -m studies.map.collect` writes the records under `results/map/`, and `make tables`
this page."""
_FAMILIES = {name: report.FAMILIES[name] for name in ("dvae", "wni_vae")}  # in RESULTS.md
# Claims on the chosen cells: a quantity, and the sign of its difference.
_CLAIMS = {
    "1. log p(x) is higher": ("log_likelihood", 1),
    "2. the gap is smaller": ("inference_gap", -1),
}


def section(records, opinion=None):
    """The map in RESULTS.md: a picture and claims 1 and 2 by regime; empty without records.

    Args:
        records, opinion: as of `write`.
    """
    if not records:
        return ""
    caption = (
        "Test log p(x) less the plain model's, by training images and strength; bold if it counts. "
        "[The map's page](results/map.md) has the numbers, "
        "[the guide](docs/when_it_helps.md) what to do with them. [Another page]"
        "(results/estimators.md) has how the sign depends on the estimator."
    )
    before = (
        "Claims 1 and 2 by regime, at the strength that validation images choose for each size: "
        "the verdict, how many differences are on the claimed side / on the other / undecided, and "
        "the smallest and largest difference."
    )
    rows = [
        [claim, words, *(_regime(records.values(), rule, model, *of) for rule in report.TITLES)]
        for claim, of in _CLAIMS.items()
        for model, words in _FAMILIES.items()
    ]
    picture = "![Where regularized encoders help](results/figures/map.png)"
    table = markdown.table(["claim", "", *report.TITLES.values()], rows)
    words = [] if opinion is None else [f"By AIS, which uses no encoder: {_estimators(opinion)}."]
    return markdown.document("## The map", picture, caption, before, table, *words)


def _estimators(opinion):
    """How much of the map's differences is the estimator's, in a clause for each cell."""
    return "; ".join(
        f"the difference of {group}, not stopped, is {_plain(found['delta']['ais'])} "
        f"({_plain(found['delta_ais_minus_map'])} against the map's)"
        for group, found in opinion["groups"].items()
    )


def _regime(records, rule, model, quantity, sign):
    """The verdict on a claim over all sizes, for a family and a way to stop."""
    cells = [record["cells"].get(report.chosen(record, rule).get(model)) for record in records]
    deltas = [cell["stopped"][rule]["delta"][quantity] for cell in cells if cell]
    if not deltas:
        return ""
    found = [report.verdict(delta, sign) for delta in deltas]
    low, high = (bound(delta["mean"] for delta in deltas) for bound in (min, max))
    return f"{verdicts.of_all(found)} ({verdicts.tally(found)}), {low:+z.2f} to {high:+z.2f}"


def write(records, opinion=None):
    """The page of the map, results/map.md.

    Args:
        records: of `report.read`.
        opinion: of `report.read_second_opinion`.
    """
    return markdown.document(
        "# The map: where a regularized encoder helps",
        _LEGEND,
        "![Where regularized encoders help](figures/map.png)",
        "## Claim 1 by regime: log p(x)",
        "Of each model the strength with the best log p(x) of validation images under that way to "
        "stop, and its difference from the plain model that stops in the same way.",
        _table_of_chosen(records, "log_likelihood"),
        "## Claim 2 by regime: the inference gap",
        "The same models.",
        _table_of_chosen(records, "inference_gap"),
        "## Instead of a validation set",
        "Models that nothing stopped, against the plain model stopped by log p(x), the best that a "
        "validation set can give it. Strengths as above.",
        _table_of_unstopped(records),
        "## Every strength",
        *(_table_of_all(record) for record in records.values()),
        "## The plain models",
        "Steps at which each way to stop stopped each seed, and log p(x).",
        _table_of_plain(records),
        *_second_opinion(opinion),
        "## Cost",
        _cost(records),
    )


def _second_opinion(opinion):
    """Log p(x) by AIS beside IW-SVI."""
    if opinion is None:
        return []
    rows = []
    for group, found in opinion["groups"].items():
        for cell, values in found["cells"].items():
            bounds = [_plain(values[name]) for name in (*report.ESTIMATORS, "ais_minus_iw_svi")]
            share = f"{values['unreliable_share']:.0%}"
            rows.append([f"{group}/{cell}", *bounds, share])
        rows.append(
            ["difference", *(_plain(found["delta"][name]) for name in report.ESTIMATORS), "", ""]
        )
    titles = ["", *report.ESTIMATORS.values(), "AIS − tight IW-SVI", "k̂ > 0.7"]
    return [
        "## A second opinion",
        "Every log p(x) above starts from the encoder. Annealed importance sampling does not: its "
        f"chains start from the prior ({opinion['num_temperatures']} temperatures). Here is one "
        "cell of each data set, trained again and not stopped, on the first "
        f"{opinion['num_images']} test images. ± as above, over {len(opinion['seeds'])} seeds and "
        "images. The last column is the share of images for which a few weights decide the tight "
        "IW-SVI. `python -m studies.map.second_opinion` writes `map/second_opinion.json`.",
        markdown.table(titles, rows),
        f"By AIS, {_estimators(opinion)}. The second ± is paired by seed and image.",
    ]


def _plain(found):
    return f"{found['mean']:z.2f} ± {found['standard_error']:.2f}"


def _table_of_chosen(records, quantity):
    rows = []
    for record in records.values():
        for rule, title in report.TITLES.items():
            cells = _chosen(record, rule)
            found = [_delta(cell, rule, "delta", quantity) for cell in cells]
            rows.append([*_name(record), title, *found])
    return markdown.table(["data", "N", "", *report.FAMILIES.values()], rows)


def _table_of_unstopped(records):
    rows = []
    for record in records.values():
        cells = [record["cells"]["vae"], *_chosen(record, "end")]
        found = [_delta(c, "end", "delta_to_best_stopped", "log_likelihood") for c in cells]
        rows.append([*_name(record), *found])
    return markdown.table(["data", "N", "plain", *report.FAMILIES.values()], rows)


def _table_of_all(record):
    rows = []
    for cell in record["cells"].values():
        if cell["strength"]:
            found = [
                report.text(cell["stopped"][rule]["delta"][quantity])
                for rule in report.TITLES
                for quantity in ("log_likelihood", "inference_gap")
            ]
            rows.append([report.label(cell), str(len(cell["trainings"])), *found])
    titles = [
        f"{what}, {title}" for title in report.TITLES.values() for what in ("Δ log p(x)", "Δ gap")
    ]
    data, size = _name(record)
    return f"### {data}, N = {size}\n\n{markdown.table(['', 'seeds', *titles], rows)}"


def _table_of_plain(records):
    rows = []
    for record in records.values():
        row = _name(record)
        for rule in report.TITLES:
            stopped = record["cells"]["vae"]["stopped"][rule]
            value = stopped["log_likelihood"]
            steps = ", ".join(f"{count:,}" for count in stopped["steps"])
            row.append(f"{steps}: {value['mean']:.2f} ± {value['standard_error']:.2f}")
        rows.append(row)
    return markdown.table(["data", "N", *report.TITLES.values()], rows)


def _cost(records):
    """How many trainings there were and how long they took, by device."""
    seconds = {}
    for record in records.values():
        for cell in record["cells"].values():
            for training in cell["trainings"]:
                seconds.setdefault(training["versions"]["device"], []).append(training["seconds"])
    return " ".join(
        f"{len(of_device)} trainings with their evaluations took {sum(of_device) / 3600:.1f} hours "
        f"of processes on {device}."
        for device, of_device in seconds.items()
    )


def _name(record):
    return [record["data_set"], f"{record['size']:,}"]


def _chosen(record, rule):
    """The cell of each family with the strength that validation images choose, or None."""
    names = report.chosen(record, rule)
    return [record["cells"].get(names.get(model)) for model in report.FAMILIES]


def _delta(cell, rule, which, quantity):
    if cell is None:
        return ""
    found = report.text(cell["stopped"][rule][which][quantity])
    return f"{found} ({report.label(cell)})" if cell["strength"] else found
