"""The table of the contenders' times."""

import numpy as np
import rich.console
import rich.table


def rows(title, seconds, amounts, unit):
    """Rows of the table: `amounts` turns seconds into the unit; ratios are to the first name."""
    base = next(iter(seconds.values()))
    for name, values in seconds.items():
        amount, ratio = amounts(values), values / base
        yield {
            "task": title,
            "contender": name,
            "median": float(np.median(amount)),
            "lowest": float(amount.min()),
            "highest": float(amount.max()),
            "unit": unit,
            "ratio": float(np.median(ratio)),
            "ratio_lowest": float(ratio.min()),
            "ratio_highest": float(ratio.max()),
        }


def show(report, path):
    """Prints a report and saves it."""
    console = rich.console.Console(width=110, record=True)
    console.print(_table(report["rows"]))
    for name, values in report["alone"].items():
        console.print(
            f"{name}: {values['start_seconds']:.1f} s to the first step (k = 8), "
            f"peak {values['peak_mib']:.0f} MiB"
        )
    for k, peak in report["evaluation_mib"].items():
        console.print(f"evaluation, k = {k}: peak {peak:.0f} MiB")
    console.save_text(path)


def _table(results):
    table = rich.table.Table(
        title="D-200-200-50, batch 100, float32; D = 784, of the digits 64\n"
        "ratio: time over the time of the first"
    )
    for column in ("task", "contender", "median", "lowest–highest", "unit", "ratio", "its range"):
        table.add_column(column)
    for row in results:
        table.add_row(
            row["task"],
            row["contender"],
            f"{row['median']:.2f}",
            f"{row['lowest']:.2f}–{row['highest']:.2f}",
            row["unit"],
            f"{row['ratio']:.2f}",
            f"{row['ratio_lowest']:.2f}–{row['ratio_highest']:.2f}",
        )
    return table
