"""Grids of images and the figures of a study, as arrays and matplotlib axes."""

import numpy as np


def image_grid(images, image_shape, columns):
    """Arranges images `[N, D]` in [0, 1] into one image with grey gaps.

    Example:
    >>> air_tf.plotting.image_grid(np.zeros((6, 4)), (2, 2), columns=3).shape
    (5, 8)
    """
    height, width = image_shape
    rows = -(-len(images) // columns)
    grid = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), 0.5, np.float32)
    for index, image in enumerate(np.asarray(images).reshape(-1, height, width)):
        row, column = divmod(index, columns)
        top, left = row * (height + 1), column * (width + 1)
        grid[top : top + height, left : left + width] = image
    return grid


def model_grids(model, x, image_shape, seed, columns=10):
    """A grid of 100 samples, and one of up to 50 observations above their reconstructions."""
    x = np.asarray(x[: 5 * columns], np.float32)
    pairs = []
    reconstructions = np.asarray(model.reconstruct(x, seed=seed))
    for start in range(0, len(x), columns):
        row = np.ones((2, columns, x.shape[1]), np.float32)
        shown = len(x[start : start + columns])
        row[0, :shown] = x[start : start + columns]
        row[1, :shown] = reconstructions[start : start + columns]
        pairs.append(row.reshape(2 * columns, -1))
    samples = np.asarray(model.sample(columns * columns, seed=seed))
    return {
        "samples": image_grid(samples, image_shape, columns),
        "reconstructions": image_grid(np.concatenate(pairs), image_shape, columns),
    }


def show_grid(axes, grid, title):
    """Draws a grid on matplotlib axes, with dark ink."""
    axes.imshow(grid, cmap="gray_r", vmin=0, vmax=1)
    axes.set_title(title)
    axes.axis("off")


def bars_with_errors(axes, estimates, ylabel):
    """Draws named estimates as bars with ± one standard error."""
    means = [estimate.mean for estimate in estimates.values()]
    errors = [estimate.standard_error for estimate in estimates.values()]
    axes.bar(list(estimates), means, yerr=errors, capsize=4, color="tab:blue")
    axes.set_ylabel(ylabel)
    axes.tick_params(axis="x", rotation=30)
