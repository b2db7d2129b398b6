"""What AIS costs: its bound against time on published models, beside IW-SVI and IWAE."""

import json
import pathlib
import time

import matplotlib.figure
import tqdm
import tyro

import air_tf

_MODELS = {
    "digits/vae": "digits",
    "caltech101_silhouettes/vae": "caltech101_silhouettes",
    "caltech101_silhouettes/dvae": "caltech101_silhouettes",
}
_TEMPERATURES = (100, 300, 1000, 3000)
# The reference comes first.
_IW_SVI = ("tight", "default", "fast")


def measure(model, x, progress):
    """Seconds and bounds of each estimator; the program of each is compiled before."""
    evaluation = air_tf.evaluation
    estimators = {f"IW-SVI {q}": (evaluation.iw_svi, {"quality": q}) for q in _IW_SVI}
    estimators["IWAE-5000"] = evaluation.importance_log_likelihood, {}
    for start in ("prior", "encoder"):
        for count in _TEMPERATURES:
            options = {"num_temperatures": count, "start": start}
            estimators[f"AIS-{count} from {start}"] = evaluation.ais, options
    reference = None
    for name, (estimator, options) in estimators.items():
        shortest = {"num_temperatures": 1} if "num_temperatures" in options else {}
        estimator(model, x, **{**options, **shortest}, progress=False)
        begun = time.perf_counter()
        estimate = estimator(model, x, **options, seed=1, progress=False)
        seconds = time.perf_counter() - begun
        reference = reference or estimate
        progress.update()
        yield {
            "estimator": name,
            "seconds_per_image": seconds / len(x),
            "log_likelihood": estimate.summary(),
            "above_iw_svi_tight": (estimate - reference).summary(),
        }


def main(
    manual_dir: str | None = None,
    data_dir: str | None = None,
    num_images: int = 40,
    out: pathlib.Path = pathlib.Path(__file__).parent / "results",
):
    """Measures, saves ais_quality.json and draws ais_quality.png.

    Args:
        manual_dir: folder with the original files of the data sets; digits alone without one.
        data_dir: where TFDS keeps prepared data.
        num_images: test images of each data set.
        out: folder.
    """
    chosen = {
        model: dataset for model, dataset in _MODELS.items() if manual_dir or dataset == "digits"
    }
    results = {}
    total = len(chosen) * (len(_IW_SVI) + 1 + 2 * len(_TEMPERATURES))
    with tqdm.tqdm(total=total, desc="AIS") as progress:
        for name, dataset in chosen.items():
            data = air_tf.datasets.load(dataset, data_dir=data_dir, manual_dir=manual_dir)
            model = air_tf.zoo.load_pretrained(name)
            results[name] = list(measure(model, data.test[:num_images], progress))
    out.mkdir(exist_ok=True)
    report = {"num_images": num_images, "models": results}
    text = json.dumps(report, indent=2) + "\n"
    (out / "ais_quality.json").write_text(text, encoding="utf-8")
    draw(results, num_images).savefig(out / "ais_quality.png", dpi=80)


def draw(results, num_images):
    """Bound against seconds, a panel for each model."""
    figure = matplotlib.figure.Figure(figsize=(4.5 * len(results), 4), layout="constrained")
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, (model, found) in zip(panels, results.items(), strict=True):
        for kind in ("IW-SVI", "IWAE", "AIS from prior", "AIS from encoder"):
            words = kind.split(" from ")
            curve = [
                point
                for point in found
                if point["estimator"].startswith(words[0]) and words[-1] in point["estimator"]
            ]
            curve.sort(key=lambda point: point["seconds_per_image"])
            axes.errorbar(
                [point["seconds_per_image"] for point in curve],
                [point["above_iw_svi_tight"]["mean"] for point in curve],
                [point["above_iw_svi_tight"]["standard_error"] for point in curve],
                marker="o",
                label=kind,
            )
        axes.axhline(0, color="grey", linewidth=0.5)
        axes.set(title=model, xlabel="s an image", xscale="log")
    panels[0].set_ylabel("nats above IW-SVI tight, ± s.e.")
    panels[-1].legend()
    figure.suptitle(f"log p(x) of {num_images} test images against time")
    return figure


if __name__ == "__main__":
    tyro.cli(main)
