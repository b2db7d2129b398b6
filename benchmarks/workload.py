"""The work of all contenders, and how to request it. Needs NumPy alone."""

import contextlib
import json
import resource
import sys
import time

import numpy as np

INPUT_DIM, UNITS, LATENT_DIM, BATCH_SIZE, LEARNING_RATE = 784, (200, 200), 50, 100, 1e-3
EPOCHS = 3  # of a timed training, in one call if the contender has epochs
STEPS = {1: 500, 8: 150, 64: 25}  # in an epoch, by k; MNIST has 500
NUM_IMAGES = 100  # of a timed evaluation


def images(num_images, input_dim=INPUT_DIM):
    """Random binary images `[N, D]`, uint8."""
    return (np.random.default_rng(0).random((num_images, input_dim)) < 0.3).astype("uint8")


def training_images(k):
    """The images of an epoch."""
    return images(STEPS[k] * BATCH_SIZE)


def serve(tasks):
    """Answers requests on standard input until it ends.

    A request is a line `{"task": name, "k": number}`. The first request of a kind makes the task
    and runs it once to compile it. Every request then times a run. The answer is a line
    `{"seconds", "peak_mib"}`.

    Args:
        tasks: {name: function of k that returns a function without arguments, which does the work
            and waits until it is done}.
    """
    ready = {}
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # output of libraries is no answer
        for line in sys.stdin:
            request = json.loads(line)
            key = (request["task"], request["k"])
            if key not in ready:
                ready[key] = tasks[request["task"]](request["k"])
                ready[key]()
            start = time.perf_counter()
            ready[key]()
            answer = {
                "seconds": time.perf_counter() - start,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
            print(json.dumps(answer), file=answers, flush=True)
