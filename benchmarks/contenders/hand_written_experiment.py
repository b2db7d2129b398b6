"""The small experiment as three hand-written XLA programs, without Keras or TFP."""

import itertools
import sys

import tensorflow as tf

from benchmarks import experiment, workload
from benchmarks.contenders.hand_written_loop import adam_step, bound, initial_weights, log_weights

_AT_ONCE = 50  # samples of each image in the evaluation


def main(k):
    """Trains an IWAE and evaluates it."""
    experiment.reached("imported")
    train, validation = (tf.constant(x, tf.float32) for x in experiment.data())
    batches = tf.reshape(train, [-1, workload.BATCH_SIZE, experiment.INPUT_DIM])
    weights = [tf.Variable(w) for w in initial_weights(experiment.INPUT_DIM)]
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
            return i + 1, *adam_step(weights, means, squares, gradients, t), total + loss

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
