"""`python -m trainers.demo_strengths`: the search for the strengths that the demo uses."""

import dataclasses
import pathlib

import numpy as np
import tqdm

import air_tf
from air_tf import files
from trainers import command_line, demo_training, provenance, trajectory

RECORD = pathlib.Path(__file__).with_suffix(".json")
GRID = [
    ("vae", {}),
    *(("dvae", {"noise_stddev": stddev}) for stddev in (0.1, 0.2, 0.4, 0.6, 0.8)),
    *(("wni_vae", {"max_norm": max_norm}) for max_norm in (0.5, 1.0, 2.0, 4.0)),
]


@dataclasses.dataclass(frozen=True)
class DemoStrengthsConfig:
    """Train every strength of a grid and score it on validation digits; write a record.

    A score is log p(x) by IW-SVI at the end of training, without early stopping. The demo uses the
    strengths with the best mean over seeds.
    """

    out: str = f"trainers/{RECORD.name}"
    """The record; a new one replaces it."""
    seeds: tuple[int, ...] = (3, 4)
    """Seeds of the trainings, other than those of the demo."""
    num_steps: int = 4000
    """Optimizer steps of a training, as in the demo; a multiple of 40."""


def demo_strengths(config):
    """Runs the search; returns the record that it writes."""
    versions = provenance.current_versions()  # as they were when the search began
    data = demo_training.load_digits()
    trials = [(name, strength, seed) for name, strength in GRID for seed in config.seeds]
    record = {
        "command": "python -m trainers.demo_strengths",
        "config": dataclasses.asdict(config),
        "versions": versions,
        "trials": [
            _trial(*trial, config.num_steps, data)
            for trial in tqdm.tqdm(trials, desc="searching strengths", unit="training")
        ],
    }
    files.write_json(pathlib.Path(config.out), record)
    for name, strength in chosen(config.out).items():
        print(f"{name}: {strength}")
    return record


def _trial(name, strength, seed, num_steps, data):
    model = demo_training.build(name, strength, seed, data)
    trajectory.fit(model, data, seed, demo_training.course(num_steps))
    score = air_tf.evaluation.iw_svi(
        model, data.validation, quality="fast", batch_size=99, seed=seed, progress=False
    )
    return {"model": name, "strength": strength, "seed": seed, "log_likelihood": score.summary()}


def chosen(path=RECORD):
    """{model: its strength with the best mean log p(x) over seeds}, as a record says."""
    scores = {}
    for trial in files.read_json(pathlib.Path(path))["trials"]:
        of_model = scores.setdefault(trial["model"], {})
        key = tuple(trial["strength"].items())
        of_model.setdefault(key, []).append(trial["log_likelihood"]["mean"])
    return {
        name: dict(max(of_model, key=lambda key: np.mean(of_model[key])))
        for name, of_model in scores.items()
    }


if __name__ == "__main__":
    command_line.run(demo_strengths, DemoStrengthsConfig)
