"""The reference: an IWAE trained by one hand-written XLA loop, without Keras or TFP."""

import itertools

import numpy as np
import tensorflow as tf

from benchmarks import workload

_EVALUATED_AT_ONCE = 50  # samples of each image


def train(k):
    """One Adam step for each batch, all in one XLA program, with the data in memory in fixed order.

    It computes the same as `air_tf.create_model("iwae", …)`.
    """
    units, latent_dim, batch_size = workload.UNITS, workload.LATENT_DIM, workload.BATCH_SIZE
    x = workload.training_images(k)
    generator = np.random.default_rng(0)
    widths = [x.shape[1], *units, 2 * latent_dim, None, latent_dim, *units, x.shape[1]]
    pairs = [(i, o) for i, o in itertools.pairwise(widths) if None not in (i, o)]
    shapes = [shape for i, o in pairs for shape in ((i, o), (o,))]
    initial = [
        generator.normal(size=shape).astype("float32") / np.float32(np.sqrt(shape[0]))
        for shape in shapes
    ]
    depth = len(units) + 1
    state = [tf.Variable(w) for w in initial]
    state += [tf.Variable(tf.zeros(shape)) for _ in range(2) for shape in shapes]
    batches = tf.constant(x.reshape(-1, batch_size, x.shape[1]))

    def network(weights, h):
        for layer in range(depth):
            h = h @ weights[2 * layer] + weights[2 * layer + 1]
            h = tf.tanh(h) if layer < depth - 1 else h
        return h

    def loss(weights, x, seed):
        loc, raw_scale = tf.split(network(weights[: 2 * depth], x), 2, axis=-1)
        scale = tf.math.softplus(raw_scale) + 1e-5
        noise = tf.random.stateless_normal([k, batch_size, latent_dim], seed, alg="philox")
        z = loc + scale * noise
        logits = network(weights[2 * depth :], tf.reshape(z, [-1, latent_dim]))
        logits = tf.reshape(logits, [k, batch_size, -1])
        log_weights = (
            tf.reduce_sum(x * logits - tf.math.softplus(logits), -1)
            - 0.5 * tf.reduce_sum(z**2, -1)
            + tf.reduce_sum(0.5 * noise**2 + tf.math.log(scale), -1)
        )
        return tf.math.log(float(k)) - tf.reduce_mean(tf.reduce_logsumexp(log_weights, axis=0))

    @tf.function(jit_compile=True)
    def epoch():
        def step(i, weights, means, squares, total):
            with tf.GradientTape() as tape:
                tape.watch(weights)
                value = loss(weights, tf.cast(batches[i], tf.float32), tf.stack([i, 7]))
            t = tf.cast(i + 1, tf.float32)
            rate = workload.LEARNING_RATE * tf.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            gradients = tape.gradient(value, weights)
            means = [0.9 * m + 0.1 * g for m, g in zip(means, gradients, strict=True)]
            squares = [0.999 * s + 0.001 * g**2 for s, g in zip(squares, gradients, strict=True)]
            weights = [
                w - rate * m / (tf.sqrt(s) + 1e-7)
                for w, m, s in zip(weights, means, squares, strict=True)
            ]
            return i + 1, weights, means, squares, total + value

        n = len(shapes)
        values = [variable.read_value() for variable in state]
        _, weights, means, squares, total = tf.while_loop(
            lambda i, *_: i < len(batches),
            step,
            [0, values[:n], values[n : 2 * n], values[2 * n :], 0.0],
        )
        for variable, value in zip(state, weights + means + squares, strict=True):
            variable.assign(value)
        return total / len(batches)

    def work():
        for _ in range(workload.EPOCHS):
            epoch().numpy()

    return work


def train_products(k):
    """The matrix products of the training steps alone, each with one addition: the lower limit."""
    encoder = [workload.INPUT_DIM, *workload.UNITS, 2 * workload.LATENT_DIM]
    decoder = [workload.LATENT_DIM, *workload.UNITS, workload.INPUT_DIM]
    networks = [(workload.BATCH_SIZE, encoder), (k * workload.BATCH_SIZE, decoder)]
    inputs = [tf.random.normal([rows, widths[0]]) for rows, widths in networks]
    kernels = [
        [tf.random.normal(pair, stddev=0.1) for pair in itertools.pairwise(widths)]
        for _, widths in networks
    ]

    def products(h, kernels):
        layers = [h]
        for kernel in kernels:
            layers.append(layers[-1] @ kernel)
        upstream, updated = layers[-1], []
        for h, kernel in zip(layers[-2::-1], kernels[::-1], strict=True):
            gradient = tf.matmul(h, upstream, transpose_a=True)
            updated.append(kernel - 1e-12 * gradient)  # makes the loop need each product
            if len(updated) < len(kernels):
                upstream = tf.matmul(upstream, kernel, transpose_b=True)
        return updated[::-1]

    @tf.function(jit_compile=True)
    def run():
        def body(i, kernels):
            return i + 1, [products(h, own) for h, own in zip(inputs, kernels, strict=True)]

        steps = workload.STEPS[k] * workload.EPOCHS
        return tf.while_loop(lambda i, _: i < steps, body, [0, kernels])

    return lambda: run()[1][0][0].numpy()


def products(k):
    """Only the matrix products of an evaluation with k samples: the GEMM bound."""
    widths = [workload.LATENT_DIM, *workload.UNITS, workload.INPUT_DIM]
    kernels = [tf.random.normal(pair) for pair in itertools.pairwise(widths)]
    rows = tf.random.normal([_EVALUATED_AT_ONCE * workload.NUM_IMAGES, workload.LATENT_DIM])

    @tf.function(jit_compile=True)
    def run():
        def body(i, total):
            h = rows + total * 0.0  # depends on the loop, so XLA does not move it out
            for kernel in kernels:
                h = h @ kernel
            return i + 1, total + h[0, 0] * 0.0

        return tf.while_loop(lambda i, _: i < k // _EVALUATED_AT_ONCE, body, [0, 0.0])

    return lambda: run()[1].numpy()


if __name__ == "__main__":
    workload.serve({"train": train, "train products": train_products, "products": products})
