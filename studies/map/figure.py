"""The picture of the map."""

import matplotlib.figure
import numpy as np

from studies.map import report

_LIMIT = 3.0  # nats at the ends of the colours


def draw(path, records):
    """Draws Δ log p(x) by size and strength: a row for each data set, a column for each stop.

    Args:
        path: of the picture.
        records: {group: record}, not empty.
    """
    data_sets = list(dict.fromkeys(record["data_set"] for record in records.values()))
    figure = matplotlib.figure.Figure(figsize=(13, 5 * len(data_sets)), layout="constrained")
    grid = figure.subplots(len(data_sets), len(report.TITLES), squeeze=False)
    for row, data_set in zip(grid, data_sets, strict=True):
        of_set = [record for record in records.values() if record["data_set"] == data_set]
        for axes, (rule, title) in zip(row, report.TITLES.items(), strict=True):
            image = _draw(axes, of_set, rule)
            axes.set(title=f"{data_set}, {title}", xlabel="training images N")
    figure.colorbar(
        image, ax=grid, label="Δ log p(x) to the plain model (nats)", shrink=0.6, extend="both"
    )
    figure.savefig(path, dpi=90, metadata={"Software": None})


def _draw(axes, records, rule):
    columns = [
        {
            report.label(cell): cell["stopped"][rule]["delta"]["log_likelihood"]
            for cell in record["cells"].values()
            if cell["strength"]
        }
        for record in records
    ]
    labels = list(dict.fromkeys(name for column in columns for name in column))
    nothing = {"mean": np.nan, "standard_error": np.nan}
    cells = [[column.get(name, nothing) for column in columns] for name in labels]
    values = [[delta["mean"] for delta in line] for line in cells]
    image = axes.imshow(values, cmap="RdBu", vmin=-_LIMIT, vmax=_LIMIT, aspect="auto")
    for y, line in enumerate(cells):
        for x, delta in enumerate(line):
            if not np.isnan(delta["mean"]):
                _write(axes, x, y, delta)
    axes.set_xticks(range(len(records)), [f"{record['size']:,}" for record in records])
    axes.set_yticks(range(len(labels)), labels)
    return image


def _write(axes, x, y, delta):
    counts = report.verdict(delta) != "undecided"
    dark = abs(delta["mean"]) > 0.7 * _LIMIT
    axes.text(
        x,
        y,
        f"{delta['mean']:+z.2f}",
        ha="center",
        va="center",
        fontsize=9,
        fontweight="bold" if counts else "normal",
        color="white" if dark else "black",
        alpha=1 if counts else 0.6,
    )
