"""What an evaluation prints and writes."""

import dataclasses

import numpy as np
import rich.table

from air_tf import files
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


def write(path, config, estimates, num_examples, bdmc):
    path.mkdir(parents=True, exist_ok=True)
    name = f"evaluation_{config.split}"
    arrays = {name: estimate.per_example for name, estimate in estimates.items()}
    report = {
        "config": dataclasses.asdict(config),
        "versions": provenance.current_versions(),
        "num_examples": num_examples,
    }
    log_likelihood = estimates.get("log_likelihood")
    if log_likelihood is not None:
        arrays["num_steps"] = log_likelihood.num_steps
        report["mean_steps"] = float(np.mean(log_likelihood.num_steps))
    if "ais" in estimates:
        quantities = ("acceptance", "effective_sample_size", "step_size")
        report["chains"] = {q: float(np.mean(getattr(estimates["ais"], q))) for q in quantities}
    if bdmc is not None:
        report["bdmc"] = bdmc.summary()
    report |= {name: estimate.summary() for name, estimate in estimates.items()}
    files.write_arrays(path / f"{name}.npz", arrays)
    files.write_json(path / f"{name}.json", report)


def table(config, estimates, num_examples):
    table = rich.table.Table(title=f"{config.run}: {num_examples} {config.split} examples, nats")
    table.add_column("")
    table.add_column("mean", justify="right")
    table.add_column("± s.e.", justify="right")
    for name, title in _TITLES.items():
        if name in estimates:
            value = estimates[name]
            cells = (f"{value.mean:.3f}", f"{value.standard_error:.3f}")
            table.add_row(title.format(config.num_samples), *cells)
    return table
