"""Plots how the cost of a step and an evaluation grows with k, D, width and N."""

import json
import pathlib
import time

import keras
import matplotlib.figure
import numpy as np
import tqdm
import tyro

import air_tf
from benchmarks import workload

_RESULTS = pathlib.Path(__file__).parent / "results"
_STANDARD = {
    "fit": {"k": 1, "D": 784, "width": 200, "N": 5000},
    "evaluation": {"k": 5000, "D": 784, "width": 200, "N": 100},
}
_FIT = {
    "k": (1, 4, 16, 64, 256),
    "D": (196, 784, 3136, 12544),
    "width": (50, 100, 200, 400, 800),
    "N": (1000, 5000, 25_000, 100_000),
}
_EVALUATION = {
    "k": (50, 500, 5000, 50_000),
    "D": (196, 784, 3136),
    "width": (50, 100, 200, 400, 800),
    "N": (10, 30, 100, 300),
}


def fit_seconds(k, D, width, N):  # noqa: N803, the letters of the plot
    """Seconds of an epoch; if steps are slow, measured on fewer steps and scaled."""
    num_steps = max(2, min(N // workload.BATCH_SIZE, 2_000_000 // (k * D), 1000))
    model = air_tf.create_model(
        "iwae", D, workload.LATENT_DIM, (width, width), (width, width), num_importance_samples=k
    )
    model.compile(keras.optimizers.Adam(workload.LEARNING_RATE))
    x = workload.images(num_steps * workload.BATCH_SIZE, D)
    options = {"batch_size": workload.BATCH_SIZE, "verbose": 0}
    model.fit(x, **options)
    start = time.perf_counter()
    model.fit(x, **options)
    return (time.perf_counter() - start) * (N / workload.BATCH_SIZE) / num_steps


def evaluation_seconds(k, D, width, N):  # noqa: N803
    """Seconds of an IWAE-k evaluation of N images in batches of 100."""
    units = (width, width)
    model = air_tf.create_model("vae", D, workload.LATENT_DIM, units, units)
    bound, x = air_tf.evaluation.importance_log_likelihood, workload.images(N, D)
    bound(model, x, k, progress=False)
    start = time.perf_counter()
    bound(model, x, k, progress=False)
    return time.perf_counter() - start


def main(out: pathlib.Path = _RESULTS):
    """Measures, saves `growth.json` and draws `growth.png`.

    Args:
        out: folder.
    """
    cells = [("fit", letter, value) for letter, values in _FIT.items() for value in values]
    cells += [("evaluation", c, value) for c, values in _EVALUATION.items() for value in values]
    points = []
    for task, letter, value in tqdm.tqdm(cells, desc="growth"):
        measure = fit_seconds if task == "fit" else evaluation_seconds
        seconds = measure(**{**_STANDARD[task], letter: value})
        points.append({"task": task, "letter": letter, "value": value, "seconds": seconds})
    out.mkdir(exist_ok=True)
    text = json.dumps(points, indent=2) + "\n"
    (out / "growth.json").write_text(text, encoding="utf-8")
    figure = matplotlib.figure.Figure(figsize=(17, 6.5), layout="constrained")
    panels = figure.subplots(2, 4).flat
    groups = [("fit", c) for c in _FIT] + [("evaluation", c) for c in _EVALUATION]
    for axes, (task, letter) in zip(panels, groups, strict=True):
        chosen = [p for p in points if (p["task"], p["letter"]) == (task, letter)]
        x = np.array([p["value"] for p in chosen])
        y = np.array([p["seconds"] for p in chosen])
        axes.loglog(x, y, "o-", label="measured")
        axes.loglog(x, y[-1] * x / x[-1], ":", color="grey", label="linear")
        axes.set(title=f"{task}, against {letter}", xlabel=letter, ylabel="s")
        axes.legend()
    figure.suptitle(
        "An epoch of fit (k = 1, D = 784, width 200, N = 5000, batch 100) and an evaluation "
        "(k = 5000, N = 100), except what the axis says"
    )
    figure.savefig(out / "growth.png", dpi=110)


if __name__ == "__main__":
    tyro.cli(main)
