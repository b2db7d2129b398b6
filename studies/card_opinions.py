"""What a card says beside its results: second opinions on log p(x), diagnostics, generalization."""

from studies import markdown
from trainers import evaluation_report

_ESTIMATES = {
    "log_likelihood": "log p(x), IW-SVI",
    "importance_log_likelihood": "log p(x), IWAE",
    "ais": "log p(x), AIS",
}


def section(record: dict, unit: str, latent_dim: int) -> str:
    """The sections, in Markdown; empty for a record without any of them.

    Args:
        record: what trainers.evaluate wrote.
        unit: "image" or "example".
        latent_dim: Z.
    """
    parts = []
    config, count = record["config"], record["num_examples"]
    if "ais" in record:
        parts += [
            f"## Second opinions on the first {count} test {unit}s, nats",
            _estimates(record),
            f"AIS takes {config['ais']} temperatures and does not start from the encoder. Where "
            "k̂ > 0.7, a few importance weights decide an estimate, and it may be too low.",
        ]
    if "active_units" in record:
        parts.append(f"{record['active_units']} of {latent_dim} latents are active.")
    if "bdmc" in record:
        parts += [
            f"## Bounds of log p(x) of {config['bdmc']} simulated {unit}s, nats",
            "The exact value lies between the upper bound and the lower ones, in expectation. Real "
            f"{unit}s may be harder.",
            _table(evaluation_report.BOUNDS, record["bdmc"], unit),
        ]
    if "generalization" in record:
        parts += [
            f"## Lost from training to test {unit}s, nats",
            f"From {count} of each; the first three add up to the fourth.",
            _table(evaluation_report.LOSSES, record["generalization"], unit),
        ]
    return "".join(f"{part}\n\n" for part in parts)


def _estimates(record):
    rows = []
    for name, title in _ESTIMATES.items():
        found = record[name]
        share, size = found.get("unreliable_share"), found.get("effective_sample_size")
        if name == "ais":
            size = record["chains"]["effective_sample_size"]
        rows.append(
            [
                title,
                *_cells(found),
                "" if share is None else f"{share:.0%}",
                "" if size is None else f"{size:.1f}",
            ]
        )
    return markdown.table(["", "mean", "± s.e.", "k̂ > 0.7", "effective sample size"], rows)


def _table(titles, found, unit):
    rows = [[title, *_cells(found[name])] for name, title in titles.items()]
    return markdown.table(["", "mean", f"± s.e. over {unit}s"], rows)


def _cells(found):
    return f"{found['mean']:.2f}", f"{found['standard_error']:.2f}"
