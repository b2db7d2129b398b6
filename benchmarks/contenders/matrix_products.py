"""The matrix products alone: the lower limit of training and evaluation on this machine."""

import itertools

import tensorflow as tf

from benchmarks import workload

_EVALUATED_AT_ONCE = 50  # samples of each image


def train(k):
    """The products of the training steps, each with one addition."""
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


def evaluate(k):
    """The products of an evaluation with k samples."""
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
    workload.serve({"train": train, "evaluate": evaluate})
