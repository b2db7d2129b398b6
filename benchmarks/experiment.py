"""A small experiment, and how a contender says how far it has come. Needs NumPy alone."""

import time

import numpy as np

# As many images, of as many pixels, as scikit-learn's digits have.
INPUT_DIM, NUM_TRAIN, NUM_VALIDATION = 64, 1000, 297
EPOCHS = 20  # with validation after each
NUM_VALIDATION_SAMPLES = 64  # of the bound that validation reports
NUM_EVALUATED, NUM_SAMPLES = 100, 5000  # images, and samples of the bound on each
STAGES = ("imported", "first epoch", "trained", "evaluated")


def data():
    """Random binary images to train and to validate with, uint8 `[N, D]` each."""
    images = np.random.default_rng(0).random((NUM_TRAIN + NUM_VALIDATION, INPUT_DIM)) < 0.3
    return np.split(images.astype("uint8"), [NUM_TRAIN])


def reached(stage):
    """Tells the process that waits: imports are done, or the steps of the first epoch, and so on.

    On one machine, all processes have the same monotonic clock.
    """
    print(f"{stage}: {time.monotonic()}", flush=True)
