"""Names that the docstrings' examples use."""

import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import air_tf


@pytest.fixture(autouse=True)
def _doctest_names(doctest_namespace):
    doctest_namespace.update(air_tf=air_tf, keras=keras, np=np, tempfile=tempfile, tf=tf)
