"""The map in words: a section of RESULTS.md, and a page of its own."""

from studies import markdown
from studies.map import report

_LEGEND = """Each training takes 3 times the steps after which a plain VAE of its size has the best
log p(x) of validation images ([plan](../studies/map/plan.yaml)). So one training gives three
models: **stopped by the IWAE-64 bound** of validation images, **stopped by log p(x)** of 300
validation images, and **not stopped**. A seed draws its own N training images. log p(x) is by
IW-SVI of air_tf 0.2, `quality="fast"` with k = 1,000, of 500 test images. ± is the standard error
over seeds and images, √(e_images² + e_seeds²). A difference from the plain model counts (bold) if
it is beyond two of these and beyond the 95 % interval of its seeds (Student's t); there are three
seeds unless a line says otherwise. `python -m studies.map.run` trains, `python -m
studies.map.collect` writes the records under `results/map/`, and `make tables` this page."""


def section(records):
    """The map in RESULTS.md: a picture and a line for each way to stop; empty without records."""
    if not records:
        return ""
    lines = []
    for rule, title in report.TITLES.items():
        up, down, unclear = report.counts(records, "log_likelihood", rule)
        narrower = report.counts(records, "inference_gap", rule)[1]
        lines.append(
            f"* **{title.capitalize()}**: of {up + down + unclear} cells, log p(x) is higher in "
            f"{up}, lower in {down} and undecided in {unclear}; the inference gap is smaller in "
            f"{narrower}."
        )
    caption = (
        "Test log p(x) less the plain model's, by training images and strength; bold if it counts. "
        "[The map's page](results/map.md) has the numbers, "
        "[the guide](docs/when_it_helps.md) what to do with them."
    )
    picture = "![Where regularized encoders help](results/figures/map.png)"
    return markdown.document("## The map", picture, caption, "\n".join(lines))


def write(records):
    """The page of the map, results/map.md."""
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
        _more_seeds(records),
        "## Every strength",
        *(_table_of_all(record) for record in records.values()),
        "## The plain models",
        "Steps at which each way to stop stopped each seed, and log p(x).",
        _table_of_plain(records),
    )


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
            rows.append([report.label(cell), *found])
    titles = [
        f"{what}, {title}" for title in report.TITLES.values() for what in ("Δ log p(x)", "Δ gap")
    ]
    data, size = _name(record)
    return f"### {data}, N = {size}\n\n{markdown.table(['', *titles], rows)}"


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


def _more_seeds(records):
    """The cells that have more seeds than the others, for power."""
    rows = []
    for record in records.values():
        for cell in record["cells"].values():
            count = len(cell["trainings"])
            if cell["strength"] and count > 3:
                found = [
                    report.text(cell["stopped"][rule]["delta"][quantity])
                    for quantity in ("log_likelihood", "inference_gap")
                    for rule in report.TITLES
                ]
                rows.append([*_name(record), report.label(cell), str(count), *found])
    if not rows:
        return ""
    header = ["data", "N", "", "seeds"]
    header += [
        f"{what}, {title}" for what in ("Δ log p(x)", "Δ gap") for title in report.TITLES.values()
    ]
    before = "The plan named this cell before it ran."
    return f"## More seeds, for power\n\n{before}\n\n{markdown.table(header, rows)}"


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
