"""Grids of images and the figures of a study, as arrays and matplotlib axes."""

import numpy as np


def image_grid(images, image_shape, columns):
    """Arranges images `[N, *S]` in [0, 1] into one image with grey gaps.

    Args:
        images: array of images of any shape S with the pixels of `image_shape`.
        image_shape: (height, width), or with 1 or 3 channels (height, width, channels).
        columns: images in a row.

    Returns:
        `[H, W]`, or `[H, W, 3]` in colour.

    Example:
    >>> air_tf.plotting.image_grid(np.zeros((6, 4)), (2, 2), columns=3).shape
    (5, 8)
    """
    height, width, *channels = image_shape
    channels = [] if channels == [1] else channels
    rows = -(-len(images) // columns)
    grid = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, *channels), 0.5, np.float32)
    for index, image in enumerate(np.asarray(images).reshape(-1, height, width, *channels)):
        row, column = divmod(index, columns)
        top, left = row * (height + 1), column * (width + 1)
        grid[top : top + height, left : left + width] = image
    return grid


def model_grids(model, x, image_shape, seed, columns=10):
    """A grid of 100 samples, and one of up to 50 observations above their reconstructions.

    The observations x `[N, *S]` say which values are shown as 0 and 1: 0 and 1 if x is in [0, 1], 0
    and 255 for 8-bit images, otherwise the least value (0 if none is negative) and the greatest.
    """
    value_range = _value_range(x)
    x = np.asarray(x[: 5 * columns], np.float32)
    pairs = []
    originals = _shown(x, value_range)
    reconstructions = _shown(model.reconstruct(x, seed=seed), value_range)
    for start in range(0, len(x), columns):
        row = np.ones((2, columns, *x.shape[1:]), np.float32)
        count = len(x[start : start + columns])
        row[0, :count] = originals[start : start + columns]
        row[1, :count] = reconstructions[start : start + columns]
        pairs.append(row.reshape(2 * columns, -1))
    samples = _shown(model.sample(columns * columns, seed=seed), value_range)
    return {
        "samples": image_grid(samples, image_shape, columns),
        "reconstructions": image_grid(np.concatenate(pairs), image_shape, columns),
    }


def _value_range(x):
    """The values of observations that are shown as 0 and 1."""
    low, high = min(float(np.min(x)), 0.0), float(np.max(x))
    if low == 0.0 and high <= 1.0:
        return 0.0, 1.0
    if low == 0.0 and 128.0 <= high <= 255.0:
        return 0.0, 255.0
    return low, max(high, low + 1e-6)


def _shown(values, value_range):
    low, high = value_range
    scaled = (np.asarray(values, np.float32) - np.float32(low)) / np.float32(high - low)
    return np.clip(scaled, 0.0, 1.0)


def show_grid(axes, grid, title):
    """Draws a grid on matplotlib axes, with dark ink unless it is in colour."""
    axes.imshow(grid, cmap="gray_r", vmin=0, vmax=1)
    axes.set_title(title)
    axes.axis("off")


def bars_with_errors(axes, estimates, ylabel):
    """Draws named estimates as bars with ± one standard error."""
    means = [estimate.mean for estimate in estimates.values()]
    errors = [estimate.standard_error for estimate in estimates.values()]
    axes.bar(list(estimates), means, yerr=errors, capsize=4, color="tab:blue")
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.set_ylabel(ylabel)
    axes.tick_params(axis="x", rotation=30)
