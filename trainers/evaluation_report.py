"""What an evaluation prints and writes."""

import dataclasses
import pathlib
from collections.abc import Iterator

import matplotlib.figure
import numpy as np
import rich.table

from air_tf import evaluation, files
from trainers import provenance

_TITLES = {
    "log_likelihood": "log p(x), IW-SVI, k = {}",
    "importance_log_likelihood": "log p(x), IWAE-{}",
    "ais": "log p(x), AIS",
    "elbo": "ELBO L(x)",
    "importance_elbo_gap": "IWAE-{} − ELBO",
    "inference_gap": "inference gap",
    "approximation_gap": "approximation gap",
    "amortization_gap": "amortization gap",
    "bits_per_dimension": "−log₂ p(x), bits per dimension",
}
BOUNDS = {
    "upper": "upper bound, annealing backwards",
    "lower": "lower bound, AIS",
    "iw_svi": "lower bound, IW-SVI",
    "importance_log_likelihood": "lower bound, IWAE",
}
LOSSES = {
    "decoder_gap": "decoder: log p(x)",
    "encoder_gap": "encoder: amortization gap",
    "family_gap": "family: approximation gap",
    "elbo_gap": "in all: ELBO",
}


def write(path: pathlib.Path, config, estimates: dict, reports: dict, num_examples: int) -> None:
    """Writes evaluation_SPLIT.json and .npz, and a picture of the report of generalization.

    Args:
        path: the folder.
        config: an `EvaluateConfig`.
        estimates, reports: as `model_evaluation.evaluate` returns them.
        num_examples: how many examples were evaluated.
    """
    path.mkdir(parents=True, exist_ok=True)
    name = f"evaluation_{config.split}"
    arrays = {name: estimate.per_example for name, estimate in estimates.items()}
    record = {
        "config": dataclasses.asdict(config),
        "versions": provenance.current_versions(),
        "num_examples": num_examples,
    }
    log_likelihood = estimates.get("log_likelihood")
    if log_likelihood is not None:
        arrays["num_steps"] = log_likelihood.num_steps
        record["mean_steps"] = float(np.mean(log_likelihood.num_steps))
    if "ais" in estimates:
        quantities = ("acceptance", "effective_sample_size", "step_size")
        record["chains"] = {q: float(np.mean(getattr(estimates["ais"], q))) for q in quantities}
    for key, estimate in estimates.items():
        if isinstance(estimate, evaluation.ImportanceEstimate):
            arrays[f"{key}_pareto_k"] = estimate.pareto_k
            arrays[f"{key}_effective_sample_size"] = estimate.effective_sample_size
    for key, report in reports.items():
        record[key] = report.summary() if hasattr(report, "summary") else report
    record |= {name: estimate.summary() for name, estimate in estimates.items()}
    files.write_arrays(path / f"{name}.npz", arrays)
    files.write_json(path / f"{name}.json", record)
    if "generalization" in reports:
        figure = matplotlib.figure.Figure(figsize=(6, 4.5), layout="constrained")
        reports["generalization"].draw(figure.subplots())
        figure.savefig(path / f"generalization_{config.split}.png", dpi=120)


def tables(config, estimates: dict, reports: dict, num_examples: int) -> Iterator[rich.table.Table]:
    """What `write` writes, as tables; arguments as there."""
    rows = {
        title.format(config.num_samples): estimates[name]
        for name, title in _TITLES.items()
        if name in estimates
    }
    main = _table(f"{config.run}: {num_examples} {config.split} examples, nats", rows)
    if "active_units" in reports:
        main.caption = f"{reports['active_units']} latents are active"
    yield main
    if "bdmc" in reports:
        rows = {title: getattr(reports["bdmc"], name) for name, title in BOUNDS.items()}
        yield _table(f"log p(x) of {config.bdmc} examples simulated from the model, nats", rows)
    if "generalization" in reports:
        gaps = reports["generalization"].gaps()
        rows = {title: gaps[name] for name, title in LOSSES.items()}
        yield _table(f"Lost from training to {config.split} examples, nats", rows)


def _table(title, rows):
    table = rich.table.Table(title=title)
    table.add_column("")
    table.add_column("mean", justify="right")
    table.add_column("± s.e.", justify="right")
    shares = {name: getattr(value, "unreliable_share", None) for name, value in rows.items()}
    has_shares = any(share is not None for share in shares.values())
    if has_shares:
        table.add_column("k̂ > 0.7", justify="right")
    for name, value in rows.items():
        share = "" if shares[name] is None else f"{shares[name]:.0%}"
        cells = (f"{value.mean:.3f}", f"{value.standard_error:.3f}", share)
        table.add_row(name, *cells[: 3 if has_shares else 2])
    return table
