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
# With validation in each epoch, at the sizes of small data sets: images, images of validation,
# pixels, and epochs of a timed training, at k = 1.
DATA_SETS = {"digits": (1_000, 297, 64, 20), "Caltech": (4_100, 2_264, 784, 3)}
VALIDATION_SAMPLES = 64


def images(num_images, input_dim=INPUT_DIM):
    """Random binary images `[N, D]`, uint8."""
    return (np.random.default_rng(0).random((num_images, input_dim)) < 0.3).astype("uint8")


def training_images(k):
    """The images of an epoch."""
    return images(STEPS[k] * BATCH_SIZE)


def data_set(name):
    """The images of a data set, those of its validation, and the epochs of a timed training."""
    num_images, num_validation, input_dim, epochs = DATA_SETS[name]
    both = images(num_images + num_validation, input_dim)
    return both[:num_images], both[num_images:], epochs


def serve(tasks):
    """Answers requests on standard input until it ends.

    A request is a line `{"task": name, "of": k or name of a data set}`. The first request of a kind
    makes the task and runs it once to compile it. Every request then times a run. The answer is a
    line `{"seconds", "peak_mib"}`.

    Args:
        tasks: {name: function of k or of a name that returns a function without arguments, which
            does the work and waits until it is done}.
    """
    ready = {}
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # output of libraries is no answer
        for line in sys.stdin:
            request = json.loads(line)
            key = (request["task"], request["of"])
            if key not in ready:
                ready[key] = tasks[request["task"]](request["of"])
                ready[key]()
            start = time.perf_counter()
            ready[key]()
            answer = {
                "seconds": time.perf_counter() - start,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
            print(json.dumps(answer), file=answers, flush=True)
