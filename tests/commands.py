"""Calls command lines as functions, with lists of arguments."""

import pytest

from trainers import command_line

TRAIN = (
    "--dataset digits --model dvae --noise-stddev 0.2 --encoder-units 16 --decoder-units 16 "
    "--latent-dim 4 --epochs 4 --batch-size 200 --seed 3"
).split()


def run(module, arguments):
    """Runs the command of a module, such as `zoo_check.zoo_check` with a `ZooCheckConfig`."""
    name = module.__name__.rpartition(".")[2]
    config = getattr(module, f"{name.title().replace('_', '')}Config")
    command_line.run(getattr(module, name), config, [str(argument) for argument in arguments])


def refusal(module, arguments, capsys):
    """The message of a command that ends with an error."""
    with pytest.raises(SystemExit):
        run(module, arguments)
    return capsys.readouterr().err
