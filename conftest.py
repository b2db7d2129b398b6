"""Shared by all tests: how XLA compiles, and the names that examples in docstrings use."""

import os
import tempfile

# Programs of tests run for seconds: to optimize their machine code would take longer than it saves.
# Set this before TensorFlow is imported; processes that tests start inherit it.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0"

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import air_tf

collect_ignore = ["air_tf/tuning.py"]  # the same modules as tuning/, under another name


@pytest.fixture(autouse=True)
def _doctest_names(doctest_namespace):
    doctest_namespace.update(air_tf=air_tf, keras=keras, np=np, tempfile=tempfile, tf=tf, tfp=tfp)
