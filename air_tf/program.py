"""Compiled programs of which many are made from the same code."""

import functools

import tensorflow as tf


def program(function, jit_compile=None):
    """A `tf.function` without AutoGraph whose traces are counted by themselves.

    TensorFlow counts the traces of all functions that share a code object together, and would warn
    after five models. A partial has no code object.
    """
    return tf.function(functools.partial(function), jit_compile=jit_compile, autograph=False)
