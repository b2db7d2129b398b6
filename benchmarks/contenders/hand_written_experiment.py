"""The small experiment as three hand-written XLA programs, without Keras or TFP."""

import itertools
import sys

import numpy as np
import tensorflow as tf

from benchmarks import experiment, workload

_AT_ONCE = 50  # samples of each image in the evaluation
_ENCODER = (experiment.INPUT_DIM, *workload.UNITS, 2 * workload.LATENT_DIM)
_DECODER = (workload.LATENT_DIM, *workload.UNITS, experiment.INPUT_DIM)
_DEPTH = len(_ENCODER) - 1


def initial_weights():
    """Kernel and bias of each layer, first of the encoder, then of the decoder."""
    generator = np.random.default_rng(0)
    weights = []
    for i, o in (*itertools.pairwise(_ENCODER), *itertools.pairwise(_DECODER)):
        weights += [generator.normal(size=(i, o)) / np.sqrt(i), np.zeros(o)]
    return [tf.Variable(w, dtype=tf.float32) for w in weights]


def network(weights, h):
    """Dense layers with tanh between them."""
    for layer in range(_DEPTH):
        h = h @ weights[2 * layer] + weights[2 * layer + 1]
        h = tf.tanh(h) if layer < _DEPTH - 1 else h
    return h


def log_weights(weights, x, k, seed):
    """Log importance weights `[k, B]` of x `[B, D]`."""
    loc, raw_scale = tf.split(network(weights[: 2 * _DEPTH], x), 2, axis=-1)
    scale = tf.math.softplus(raw_scale) + 1e-5
    noise = tf.random.stateless_normal([k, *loc.shape], seed, alg="philox")
    z = loc + scale * noise
    logits = network(weights[2 * _DEPTH :], tf.reshape(z, [-1, workload.LATENT_DIM]))
    logits = tf.reshape(logits, [k, *x.shape])
    return (
        tf.reduce_sum(x * logits - tf.math.softplus(logits), -1)
        - 0.5 * tf.reduce_sum(z**2, -1)
        + tf.reduce_sum(0.5 * noise**2 + tf.math.log(scale), -1)
    )


def bound(values):
    """The IWAE bound `[B]` of log weights `[k, B]`."""
    return tf.reduce_logsumexp(values, axis=0) - tf.math.log(float(len(values)))


def adam(weights, means, squares, gradients, t):
    """A step of Adam: new weights and moments."""
    rate = workload.LEARNING_RATE * tf.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    means = [0.9 * m + 0.1 * g for m, g in zip(means, gradients, strict=True)]
    squares = [0.999 * s + 0.001 * g**2 for s, g in zip(squares, gradients, strict=True)]
    moments = zip(weights, means, squares, strict=True)
    return [w - rate * m / (tf.sqrt(s) + 1e-7) for w, m, s in moments], means, squares


def main(k):
    """Trains an IWAE and evaluates it."""
    experiment.reached("imported")
    train, validation = (tf.constant(x, tf.float32) for x in experiment.data())
    batches = tf.reshape(train, [-1, workload.BATCH_SIZE, experiment.INPUT_DIM])
    weights = initial_weights()
    moments = [tf.Variable(tf.zeros_like(w)) for _ in range(2) for w in weights]
    state, n = [*weights, *moments], len(weights)

    @tf.function(jit_compile=True)
    def epoch(number):
        def step(i, weights, means, squares, total):
            taken = number * len(batches) + i
            with tf.GradientTape() as tape:
                tape.watch(weights)
                values = log_weights(weights, batches[i], k, tf.stack([taken, 7]))
                loss = -tf.reduce_mean(bound(values))
            gradients = tape.gradient(loss, weights)
            t = tf.cast(taken + 1, tf.float32)
            return i + 1, *adam(weights, means, squares, gradients, t), total + loss

        values = [variable.read_value() for variable in state]
        _, *new, total = tf.while_loop(
            lambda i, *_: i < len(batches),
            step,
            [0, values[:n], values[n : 2 * n], values[2 * n :], 0.0],
        )
        for variable, value in zip(state, itertools.chain(*new), strict=True):
            variable.assign(value)
        return total / len(batches)

    @tf.function(jit_compile=True)
    def validate(number):
        num_samples = max(k, experiment.NUM_VALIDATION_SAMPLES)
        values = log_weights(weights, validation, num_samples, tf.stack([number, 8]))
        return [tf.reduce_mean(bound(v)) for v in (values[:k], values)]

    @tf.function(jit_compile=True)
    def evaluate(x):
        def more(i, total):
            values = log_weights(weights, x, _AT_ONCE, tf.stack([i, 9]))
            return i + 1, tf.reduce_logsumexp([total, tf.reduce_logsumexp(values, 0)], 0)

        parts = experiment.NUM_SAMPLES // _AT_ONCE
        start = tf.fill([len(x)], float("-inf"))
        total = tf.while_loop(lambda i, _: i < parts, more, [0, start])[1]
        return total - tf.math.log(float(experiment.NUM_SAMPLES))

    for number in range(experiment.EPOCHS):
        epoch(tf.constant(number)).numpy()
        if number == 0:
            experiment.reached("first epoch")
        _ = [value.numpy() for value in validate(tf.constant(number))]
    experiment.reached("trained")
    evaluate(validation[: experiment.NUM_EVALUATED]).numpy()
    experiment.reached("evaluated")


if __name__ == "__main__":
    main(int(sys.argv[1]))
