"""`python -m studies.second_opinions NAME`: second opinions for the card of a published model."""

import dataclasses
import pathlib
import tempfile

import tyro

import air_tf
from air_tf import checks, checksums, files
from studies import cards, run_record
from trainers import command_line, evaluate


@dataclasses.dataclass(frozen=True)
class SecondOpinionsConfig:
    """Evaluate published models by AIS and BDMC, with diagnostics and generalization.

    Writes the record into each card, and the card and its hashes again. What the card says of all
    test images stays.
    """

    names: tyro.conf.Positional[tuple[str, ...]]
    """Published models, such as digits/dvae."""
    num_examples: int = 100
    """Test, training and simulated examples, as many of each."""
    num_temperatures: int = 1000
    """T of AIS and BDMC."""
    data_dir: str | None = None
    """Where TFDS keeps prepared data; TFDS's default if None."""
    manual_dir: str | None = None
    """Folder with the original files of the data sets, for machines without a network."""
    folder: str | None = None
    """Where the models are; saved_models/ of the checkout if None."""


def second_opinions(config: SecondOpinionsConfig) -> None:
    """Adds the opinions to each card that has none yet."""
    known = air_tf.zoo.list_pretrained(config.folder)
    for name in config.names:
        checks.one_of("name", name, known)
    for name in config.names:
        path = pathlib.Path(config.folder or air_tf.zoo.FOLDER) / name
        card = air_tf.zoo.read_card(name, config.folder)
        if "opinions" in card:
            print(f"{name} has its opinions")
            continue
        card["opinions"] = _evaluated(path, config)
        files.write_json(path / air_tf.zoo.CARD, card)
        files.write_text(path / "README.md", cards.readme(card))
        checksums.write_hashes(path)


def _evaluated(path, config):
    with tempfile.TemporaryDirectory() as out:
        evaluate.evaluate(
            evaluate.EvaluateConfig(
                str(path),
                out=out,
                data_dir=config.data_dir,
                manual_dir=config.manual_dir,
                num_examples=config.num_examples,
                ais=config.num_temperatures,
                bdmc=config.num_examples,
                generalization=True,
            )
        )
        record = files.read_json(pathlib.Path(out) / "evaluation_test.json")
    return {**record, "config": run_record.without_paths(record["config"])}


if __name__ == "__main__":
    command_line.run(second_opinions, SecondOpinionsConfig)
