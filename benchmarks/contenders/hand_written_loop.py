"""The reference: an IWAE trained by one hand-written XLA loop, without Keras or TFP."""

import itertools

import numpy as np
import tensorflow as tf

from benchmarks import workload

_DEPTH = len(workload.UNITS) + 1


def initial_weights(input_dim):
    """Kernels and biases of the encoder, then of the decoder."""
    units, latent_dim = workload.UNITS, workload.LATENT_DIM
    generator = np.random.default_rng(0)
    widths = [input_dim, *units, 2 * latent_dim, None, latent_dim, *units, input_dim]
    pairs = [(i, o) for i, o in itertools.pairwise(widths) if None not in (i, o)]
    shapes = [shape for i, o in pairs for shape in ((i, o), (o,))]
    return [
        generator.normal(size=shape).astype("float32") / np.float32(np.sqrt(shape[0]))
        for shape in shapes
    ]


def network(weights, h):
    """An encoder or decoder, of its kernels and biases."""
    for layer in range(_DEPTH):
        h = h @ weights[2 * layer] + weights[2 * layer + 1]
        h = tf.tanh(h) if layer < _DEPTH - 1 else h
    return h


def log_weights(weights, x, k, seed):
    """Log importance weights `[k, B]` of images `[B, D]`."""
    x, latent_dim = tf.cast(x, tf.float32), workload.LATENT_DIM
    loc, raw_scale = tf.split(network(weights[: 2 * _DEPTH], x), 2, axis=-1)
    scale = tf.math.softplus(raw_scale) + 1e-5
    noise = tf.random.stateless_normal([k, len(x), latent_dim], seed, alg="philox")
    z = loc + scale * noise
    logits = network(weights[2 * _DEPTH :], tf.reshape(z, [-1, latent_dim]))
    logits = tf.reshape(logits, [k, *x.shape])
    return (
        tf.reduce_sum(x * logits - tf.math.softplus(logits), -1)
        - 0.5 * tf.reduce_sum(z**2, -1)
        + tf.reduce_sum(0.5 * noise**2 + tf.math.log(scale), -1)
    )


def bound(values):
    """The IWAE bound `[B]` of log weights `[k, B]`."""
    return tf.reduce_logsumexp(values, axis=0) - tf.math.log(float(len(values)))


def adam_step(weights, means, squares, gradients, t):
    """A step of Adam: new weights and moments."""
    rate = workload.LEARNING_RATE * tf.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    means = [0.9 * m + 0.1 * g for m, g in zip(means, gradients, strict=True)]
    squares = [0.999 * s + 0.001 * g**2 for s, g in zip(squares, gradients, strict=True)]
    moments = zip(weights, means, squares, strict=True)
    return [w - rate * m / (tf.sqrt(s) + 1e-7) for w, m, s in moments], means, squares


def adam(x, k):
    """A function that takes an Adam step for each batch of x in order, and the weights.

    All steps are one XLA program, with the data in memory. It computes the same as
    `air_tf.create_model("iwae", …)`.
    """
    weights = [tf.Variable(w) for w in initial_weights(x.shape[1])]
    state = weights + [tf.Variable(tf.zeros(w.shape)) for _ in range(2) for w in weights]
    batches = in_batches(x)

    @tf.function(jit_compile=True)
    def epoch():
        def step(i, weights, means, squares, total):
            with tf.GradientTape() as tape:
                tape.watch(weights)
                values = log_weights(weights, batches[i], k, tf.stack([i, 7]))
                loss = -tf.reduce_mean(bound(values))
            gradients = tape.gradient(loss, weights)
            t = tf.cast(i + 1, tf.float32)
            return i + 1, *adam_step(weights, means, squares, gradients, t), total + loss

        n = len(weights)
        values = [variable.read_value() for variable in state]
        _, *updated, total = tf.while_loop(
            lambda i, *_: i < len(batches),
            step,
            [0, values[:n], values[n : 2 * n], values[2 * n :], 0.0],
        )
        for variable, value in zip(state, itertools.chain(*updated), strict=True):
            variable.assign(value)
        return total / len(batches)

    return epoch, weights


def in_batches(x):
    """Full batches `[S, B, D]`."""
    return tf.constant(x.reshape(-1, workload.BATCH_SIZE, x.shape[1]))


def train(k):
    """Epochs of training."""
    epoch, _ = adam(workload.training_images(k), k)

    def work():
        for _ in range(workload.EPOCHS):
            epoch().numpy()

    return work


def train_and_validate(data_set):
    """Epochs of training, each with validation, and the best weights."""
    x, validation, epochs = workload.data_set(data_set)
    epoch, weights = adam(x, 1)
    full = len(validation) // workload.BATCH_SIZE * workload.BATCH_SIZE
    parts = in_batches(validation[:full]), tf.constant(validation[np.newaxis, full:])

    @tf.function(jit_compile=True)
    def total(batches):
        def add(i, total):
            seed = tf.stack([i, 8])
            values = log_weights(weights, batches[i], workload.VALIDATION_SAMPLES, seed)
            return i + 1, total + tf.reduce_sum(bound(values))

        return tf.while_loop(lambda i, _: i < len(batches), add, [0, 0.0])[1]

    def work():
        best = -np.inf
        for _ in range(epochs):
            epoch().numpy()
            value = sum(total(batches).numpy() for batches in parts)
            if value > best:
                best, _ = value, [w.numpy() for w in weights]

    return work


if __name__ == "__main__":
    workload.serve({"train": train, "train and validate": train_and_validate})
