"""Compiled programs, when the same code makes many of them."""

import functools

import tensorflow as tf


def program(function, jit_compile=None):
    """A `tf.function` without AutoGraph, with its own count of traces.

    TensorFlow adds up the traces of all functions with the same code object, and would warn after
    five models. A partial has no code object.
    """
    return tf.function(functools.partial(function), jit_compile=jit_compile, autograph=False)
