"""What IW-SVI's bound costs: bound against time on published models, and the same of the gaps.

With `--against`, another version of air_tf takes turns with this one, image for image.
"""

import json
import pathlib
import sys
import tempfile

import matplotlib.figure
import numpy as np
import tqdm
import tyro

import air_tf
from benchmarks.contender import Contender

_HERE = pathlib.Path(__file__).parent
_MODELS = {
    "digits/vae": "digits",
    "caltech101_silhouettes/vae": "caltech101_silhouettes",
    "binarized_mnist/vae": "binarized_mnist",
    "omniglot28/iwae64": "omniglot28",
}
_NAMES = ("num_samples", "num_train_samples", "max_steps")
_QUALITIES = {tuple(e.values()): name for name, e in air_tf.evaluation.QUALITIES.items()}
# The reference comes first: what a version takes if nothing is given (0.1: 5000, 8, 500).
_OURS = [tuple(air_tf.evaluation.QUALITIES["default"].values())]
_OURS += [effort for effort in _QUALITIES if effort not in _OURS]
_OURS += [(5000, 16, 40), (5000, 16, 160)]
_THEIRS = [(5000, 8, steps) for steps in (500, 200, 100)] + [(2500, 8, 500)]


def measure(model, x, against, progress):
    """Points of the curves, and the gaps, of a model: `{"this" or "other": [answers]}`."""
    folders = {"this": _HERE.parent, **({"other": against} if against else {})}
    with tempfile.TemporaryDirectory() as folder:
        images = pathlib.Path(folder) / "x.npy"
        np.save(images, x)
        command = [sys.executable, _HERE / "contenders/iw_svi_bounds.py", model, images]
        evaluators = {
            name: Contender(command, path, PYTHONPATH=str(path)) for name, path in folders.items()
        }
        efforts = {"this": _OURS, "other": _THEIRS}
        answers = {name: [] for name in evaluators}
        for index in range(max(map(len, efforts.values()))):
            for name, evaluator in evaluators.items():
                if index < len(efforts[name]):
                    effort = efforts[name][index]
                    options = dict(zip(_NAMES, effort, strict=True))
                    answer = evaluator.ask(evaluate="iw_svi", options=options)
                    answers[name].append({"effort": effort, **answer})
                    progress.update()
        for name, evaluator in evaluators.items():
            answer = evaluator.ask(evaluate="inference_gaps", options={})
            answers[name].append({"effort": "gaps", **answer})
            progress.update()
            evaluator.stop()
    return answers


def points(answers):
    """The answers without values of each image: differences to the reference, paired."""
    reference = answers.get("other") or answers["this"]
    for version in answers.values():
        for answer in version:
            other = reference[-1 if answer["effort"] == "gaps" else 0]
            differences = {
                quantity: (
                    air_tf.evaluation.Estimate(np.array(values))
                    - air_tf.evaluation.Estimate(np.array(other["values"][quantity]))
                ).summary()
                for quantity, values in answer["values"].items()
            }
            yield {
                "version": answer["version"],
                "effort": answer["effort"],
                "seconds": answer["seconds"],
                "ratio": answer["seconds"] / other["seconds"],
                "difference": differences,
            }


def main(
    against: pathlib.Path | None = None,
    manual_dir: str | None = None,
    num_images: int = 200,
    out: pathlib.Path = _HERE / "results",
):
    """Measures, saves iw_svi_quality.json and draws iw_svi_quality.png.

    Args:
        against: a checkout of another version, to take turns with.
        manual_dir: folder with the original files of the data sets; digits alone without one.
        num_images: test images of each data set.
        out: folder.
    """
    chosen = {
        model: dataset for model, dataset in _MODELS.items() if manual_dir or dataset == "digits"
    }
    total = len(chosen) * (len(_OURS) + 1 + (len(_THEIRS) + 1 if against else 0))
    results = {}
    with tqdm.tqdm(total=total, desc="IW-SVI") as progress:
        for model, dataset in chosen.items():
            x = air_tf.datasets.load(dataset, manual_dir=manual_dir).test[:num_images]
            results[model] = list(points(measure(model, x, against, progress)))
    out.mkdir(exist_ok=True)
    report = {"num_images": num_images, "models": results}
    text = json.dumps(report, indent=2) + "\n"
    (out / "iw_svi_quality.json").write_text(text, encoding="utf-8")
    draw(results, num_images).savefig(out / "iw_svi_quality.png", dpi=80)


def draw(results, num_images):
    """Bound against seconds, a panel for each model."""
    figure = matplotlib.figure.Figure(figsize=(4 * len(results), 4), layout="constrained")
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, (model, found) in zip(panels, results.items(), strict=True):
        ours = found[0]["version"]
        for version in dict.fromkeys(point["version"] for point in found):
            curve = [p for p in found if p["version"] == version and p["effort"] != "gaps"]
            curve.sort(key=lambda point: point["seconds"])
            bounds = [point["difference"]["log_likelihood"] for point in curve]
            axes.errorbar(
                [point["seconds"] for point in curve],
                [bound["mean"] for bound in bounds],
                [bound["standard_error"] for bound in bounds],
                marker="o",
                linestyle="",
                label=version,
            )
            for point, bound in zip(curve, bounds, strict=True):
                name = _QUALITIES.get(tuple(point["effort"]), "") if version == ours else ""
                axes.annotate(name, (point["seconds"], bound["mean"]), fontsize=8)
        axes.axhline(0, color="grey", linewidth=0.5)
        axes.set(title=model, xlabel=f"s for {num_images} images")
    panels[0].set_ylabel("nats above the reference, ± s.e.")
    panels[0].legend()
    figure.suptitle("IW-SVI's bound against time, for several k, k̂ and T")
    return figure


if __name__ == "__main__":
    tyro.cli(main)
