"""The card of a published model: what it is, how it was made, and how good it is."""

import dataclasses
import pathlib
import shlex

from air_tf import files
from studies import card_opinions, markdown
from trainers import command_line
from trainers.train_config import TrainConfig

_QUANTITIES = {
    "log_likelihood": "log p(x), IW-SVI",
    "importance_log_likelihood": "log p(x), IWAE",
    "ais": "log p(x), AIS",
    "elbo": "ELBO",
    "inference_gap": "inference gap",
    "approximation_gap": "approximation gap",
    "amortization_gap": "amortization gap",
    "bits_per_dimension": "−log₂ p(x), bits per dimension",
}
_STRENGTHS = "noise_stddev noise_kind denoising_weight max_norm num_importance_samples".split()
_SCORES = {
    "validation_iwae_64": "validation IWAE-64",
    "validation_iw_svi": "validation log p(x), IW-SVI",
}


def chosen_by(path, trained):
    """What a card says about the search that chose the hyperparameters of a run.

    Args:
        path: `pathlib.Path` of the search's folder, or of a study's record of the search.
        trained: the config of the run, as a dict.

    Raises:
        ValueError: if the run did not train the model that the search chose.
    """
    if path.is_dir():
        searched = files.read_json(path / "search.json")
        trials = files.read_json(path / "trials.json")
    else:
        record = files.read_json(path)
        searched, trials = record["config"], record["trials"]
    spaces = {**searched["grid"], **searched["range"]}
    names = [name for name in spaces if searched["grid"][name] or searched["range"][name]]
    trials = [trial for trial in trials if trial["score"] is not None]
    if not trials:
        raise ValueError(f"At least one trial of the search must have succeeded. Received: {path}")
    best = {name: trials[0]["hyperparameters"][name] for name in names}
    # A width applies to each layer.
    units = {f"{name.removesuffix('_width')}_units": name for name in names if "_width" in name}
    layers = {key: [best[name]] * len(trained[key]) for key, name in units.items()}
    chosen = {"dataset": searched["dataset"], "model": searched["model"], **best, **layers}
    found = {name: trained[name] for name in chosen if name in trained}
    if any(found[name] != chosen[name] for name in found):
        raise ValueError(
            f"The run must be of the model that the search chose: {chosen}. Received: {found}"
        )
    others = trained.keys() & searched.keys() - {*names, *units, "seed", "backup_seconds"}
    score = "validation_iw_svi" if searched.get("num_iw_svi_examples") else "validation_iwae_64"
    return {
        "searched_with": {n: searched[n] for n in sorted(others) if searched[n] != trained[n]},
        "tuner": searched["tuner"],
        "executions_per_trial": searched["executions_per_trial"],
        "trials": [
            {
                **{name: trial["hyperparameters"][name] for name in names},
                score: trial["score"],
            }
            for trial in trials
        ],
    }


def command(config):
    """The command line that trains the same model again, with the options that are not defaults."""
    words = ["python -m trainers.train"]
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    for name, value in command_line.typed(TrainConfig, config).items():
        if value == defaults[name]:
            continue
        parts = value if isinstance(value, tuple) else (value,)
        text = shlex.join(map(str, parts))
        flag = name.replace("_", "-")
        words.append(f"--{flag}" if value is True else f"--{flag} {text}")
    return " ".join(words)


def unit(image_shape):
    """What a card calls an example."""
    return "example" if image_shape is None else "image"


def readme(card):
    """The text of a card, in Markdown."""
    config, test, image_shape = card["config"], card["test"], card["data"]["image_shape"]
    rows = "\n".join(
        f"| {title} | {test[name]['mean']:.2f} | {test[name]['standard_error']:.2f} |"
        for name, title in _QUANTITIES.items()
        if name in test
    )
    strengths = ", ".join(
        f"{name} = {config[name]}" for name in _STRENGTHS if config.get(name) is not None
    )
    others = "".join(
        f", {name} = {config[name]}"
        for name, usual in (("likelihood", "bernoulli"), ("architecture", "mlp"))
        if config.get(name, usual) != usual
    )
    chosen = "Not searched: given by hand."
    if card["chosen_by"] is not None:
        trials = card["chosen_by"]["trials"]
        *names, score = trials[0]
        trial_rows = [
            [*(f"{trial[name]:.4g}" for name in names), f"{trial[score]:.3f}"] for trial in trials
        ]
        found = markdown.table([*names, _SCORES[score]], trial_rows)
        with_ = card["chosen_by"].get("searched_with") or {}
        searched = ", ".join(f"{name} = {value}" for name, value in with_.items())
        searched = f", trained with {searched}" if searched else ""
        chosen = f"The best of these on the validation {unit(image_shape)}s{searched}:\n\n{found}"
        for name in names:
            values = [trial[name] for trial in trials]
            if len(set(values)) > 1 and values[0] in (min(values), max(values)):
                chosen += f"\n\nIts {name} is an end of what was tried: the best may lie beyond."
    parts = [*card["versions"].get("earlier", []), card["versions"]]  # a run may have moved
    num_examples, num_test = test["num_examples"], card["data"]["test"]
    is_drawn = card["data"]["binarization"] != "none"
    shape = image_shape or card["data"]["observation_shape"]
    template = pathlib.Path(__file__).with_name("card_template.md").read_text(encoding="utf-8")
    return template.format(
        **card,
        rows=rows,
        second=card_opinions.section(
            card.get("opinions", test), unit(image_shape), config["latent_dim"]
        ),
        others=others,
        unit=unit(image_shape),
        picture="![Samples](samples.png)\n\n" if image_shape else "",
        shape="×".join(map(str, shape)) + (" numbers" if image_shape is None else ""),
        values=f"{card['data']['binarization']} binarization" if is_drawn else "as they came",
        which=f"the first {num_examples} of" if num_examples < num_test else "all",
        strengths=strengths or "nothing regularized",
        encoder=" ".join(map(str, config["encoder_units"])),
        decoder=" ".join(map(str, config["decoder_units"])),
        chosen=chosen,
        devices=_devices(parts),
    )


def _devices(parts):
    """Where a training ran; the records of the first version do not say."""
    named = dict.fromkeys(part["device"] for part in parts if "device" in part)
    return f" on {', then '.join(named)}" if named else ""
