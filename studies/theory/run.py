"""`python -m studies.theory.run`: the pictures and numbers of docs/theory.md."""

import dataclasses
import pathlib

import numpy as np
import tensorflow_probability as tfp

import air_tf
from air_tf import checks, files
from air_tf.evaluation import Estimate
from studies.markdown import table
from studies.theory import figures, toy
from trainers import command_line

STDDEVS = (0.1, 0.5, 1.0, 2.0)
MAX_NORMS = (0.4, 0.3, 0.2, 0.1)


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Train encoders of growing strength on a toy, beside the optimal ones (under 3 minutes).

    Writes theory.json and two pictures in the folder figures/, and prints the table of the page.
    """

    num_steps: int = 1500
    """Steps of each encoder."""
    num_samples: int = 10_000
    """Draws of each bound."""
    seed: int = 0
    """Seed of encoders and samples."""
    results: str = "results"
    """Folder for the record and the pictures."""


def run(config):
    """Trains, measures, writes and prints."""
    checks.positive_int("num_steps", config.num_steps)
    checks.positive_int("num_samples", config.num_samples)
    q = toy.posteriors()
    noisy = {
        stddev: toy.trained("dvae", config.num_steps, config.seed, noise_stddev=stddev)
        for stddev in STDDEVS
    }
    capped = {
        max_norm: toy.trained("wni_vae", config.num_steps, config.seed, max_norm=max_norm)
        for max_norm in MAX_NORMS
    }
    record = {
        "config": {n: getattr(config, n) for n in ("num_steps", "num_samples", "seed")},
        "noise": {stddev: _of_noise(q, s, stddev, config) for stddev, s in noisy.items()},
        "cap": {max_norm: {"trained": _r(s, config)} for max_norm, s in capped.items()},
    }
    folder = pathlib.Path(config.results)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    figures.draw_latents(folder / "figures" / "theory_latents.png", q, noisy, capped)
    figures.draw_functions(folder / "figures" / "theory_functions.png", q, noisy, capped)
    files.write_json(folder / "theory.json", record)
    print(markdown(files.read_json(folder / "theory.json")))


def _r(model, config):
    options = {"quality": "fast", "seed": config.seed, "progress": False}
    return air_tf.theory.regularization(model, toy.X, config.num_samples, **options).mean


def _of_noise(q, model, stddev, config):
    """R of the optimal encoder and of the trained one, its bounds, and how many points count."""
    rng = np.random.default_rng(config.seed)
    noisy = toy.X + stddev * rng.normal(size=(config.num_samples, *toy.X.shape))
    best = air_tf.theory.kernel_regression_posterior(q, toy.X, stddev, noisy.reshape(-1, 2))
    divergence = tfp.distributions.kl_divergence(
        best.distribution,
        tfp.distributions.MultivariateNormalDiag(
            *(np.tile(value, [config.num_samples, 1]) for value in q.values())
        ),
    )
    options = {"seed": config.seed, "progress": False}
    bounds = air_tf.theory.noise_bounds(model, toy.X, 100, config.num_samples // 20, **options)
    return {
        "effective_neighbours": float(np.mean(best.effective_neighbours)),
        "lipschitz_bound": air_tf.theory.lipschitz_bound(q, toy.X, stddev),
        "optimal": float(np.mean(divergence)),
        "trained": _r(model, config),
        "marginal": (Estimate(toy.log_p()) - bounds.marginal).mean,
    }


def markdown(record):
    """The table of the page."""
    header = ["", "R, optimal", "R, trained", "R, noise averaged out", "neighbours", "Lipschitz"]
    rows = [
        [
            f"σ = {float(stddev):g}",
            *(f"{found[name]:.3f}" for name in ("optimal", "trained", "marginal")),
            f"{found['effective_neighbours']:.2f}",
            f"{found['lipschitz_bound']:.3g}",
        ]
        for stddev, found in record["noise"].items()
    ]
    rows += [
        [f"H = {float(max_norm):g}", "", f"{found['trained']:.3f}", "", "", ""]
        for max_norm, found in record["cap"].items()
    ]
    return table(header, rows)


if __name__ == "__main__":
    command_line.run(run, RunConfig)
