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
_LINE = np.linspace(-3, 3, 121)


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
    options = {n: getattr(config, n) for n in ("num_steps", "num_samples", "seed")}
    for name in ("num_steps", "num_samples"):
        checks.positive_int(name, options[name])
    record = {
        "config": options,
        "posteriors": {name: _rounded(v) for name, v in toy.posteriors().items()},
        "line": _rounded(_LINE),
        "noise": {f"{stddev:g}": _of_noise(stddev, **options) for stddev in STDDEVS},
        "cap": {f"{max_norm:g}": _of_cap(max_norm, **options) for max_norm in MAX_NORMS},
    }
    folder = pathlib.Path(config.results)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    files.write_json(folder / "theory.json", record)
    figures.draw(folder / "figures", record)
    print(markdown(record))


def _of_noise(stddev, num_steps, num_samples, seed):
    """R of the optimal and of a trained encoder, how many points count, and where they put z."""
    model, q = toy.trained("dvae", num_steps, seed, noise_stddev=stddev), toy.posteriors()

    def optimal(x):
        return air_tf.theory.kernel_regression_posterior(q, toy.X, stddev, x)

    noise = stddev * np.random.default_rng(seed).normal(size=(num_samples, *toy.X.shape))
    best = optimal((toy.X + noise).reshape(-1, 2))
    copies = (np.tile(value, [num_samples, 1]) for value in q.values())
    divergence = tfp.distributions.kl_divergence(
        best.distribution, tfp.distributions.MultivariateNormalDiag(*copies)
    )
    options = {"seed": seed, "progress": False}
    bounds = air_tf.theory.noise_bounds(model, toy.X, 100, -(-num_samples // 20), **options)
    return {
        "optimal": float(np.mean(divergence)),
        "trained": _r(model, num_samples, seed),
        "marginal": (Estimate(toy.log_p()) - bounds.marginal).mean,
        "effective_neighbours": float(np.mean(best.effective_neighbours)),
        "lipschitz_bound": air_tf.theory.lipschitz_bound(q, toy.X, stddev),
        "regression": _shape(lambda x: optimal(x).distribution),
        "encoder": _shape(_encoder(model)),
    }


def _of_cap(max_norm, num_steps, num_samples, seed):
    model = toy.trained("wni_vae", num_steps, seed, max_norm=max_norm)
    return {"trained": _r(model, num_samples, seed), "encoder": _shape(_encoder(model))}


def _r(model, num_samples, seed):
    options = {"quality": "fast", "seed": seed, "progress": False}
    return air_tf.theory.regularization(model, toy.X, num_samples, **options).mean


def _encoder(model):
    return lambda x: model.variational_family.distribution(**model.encode(x))


def _shape(encoder):
    """What the pictures need of a function that gives q(z|x): at the points, and along a line."""
    at_points = encoder(toy.X)
    along_line = encoder(np.stack([_LINE, np.zeros_like(_LINE)], axis=1).astype("float32"))
    return {
        "loc": _rounded(at_points.mean()),
        "scale": _rounded(at_points.stddev()),
        "along_line": _rounded(along_line.mean()[:, 0]),
    }


def _rounded(values):
    return np.round(np.asarray(values, "float64"), 3).tolist()


def markdown(record):
    """The table of the page."""
    header = ["", "R, optimal", "R, trained", "R, noise averaged out", "neighbours", "Lipschitz"]
    rows = [
        [
            f"σ = {stddev}",
            *(f"{found[name]:.3f}" for name in ("optimal", "trained", "marginal")),
            f"{found['effective_neighbours']:.2f}",
            f"{found['lipschitz_bound']:.3g}",
        ]
        for stddev, found in record["noise"].items()
    ]
    rows += [
        [f"H = {max_norm}", "", f"{found['trained']:.3f}", "", "", ""]
        for max_norm, found in record["cap"].items()
    ]
    return table(header, rows)


if __name__ == "__main__":
    command_line.run(run, RunConfig)
