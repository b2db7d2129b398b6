"""Runs Keras's own tests of its trainer, as the installed package has them: a command.

    python -m tests.fitting.kerass_own_tests ours|plain REPORT.xml [OPTION OF PYTEST ...]

With "ours" the trainer that the tests build their models of is ours, not the backend's.
"""

import importlib
import os
import sys
from unittest import mock

import keras.src.backend.tensorflow.trainer as backend
import pytest

MODULE = "keras.src.trainers.trainer_test"


def main(which, report, *options):
    trainer = backend.TensorFlowTrainer
    if which == "ours":
        from air_tf.fitting import SuperbatchTrainer

        trainer = SuperbatchTrainer
    with mock.patch.object(backend, "TensorFlowTrainer", trainer):
        module = importlib.import_module(MODULE)  # it takes the name once, where it is imported
    if module.Trainer is not trainer:
        raise RuntimeError(f"{MODULE} does not use the trainer that it was given")
    # Its callbacks are a user's, not Keras's.
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == MODULE:
            value.__module__ = "trainer_test"
    module.__name__ = "trainer_test"
    arguments = ["--pyargs", MODULE, f"--junitxml={report}", "-q", *options]
    plain_pytest = ["-c", os.devnull, "--rootdir", os.path.dirname(report)]
    return pytest.main([*arguments, *plain_pytest, "-p", "no:cacheprovider", "-p", "no:xdist"])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
