"""Annealed importance weights: a pilot for the step sizes, then the counted run."""

import tensorflow as tf

from air_tf import checks
from air_tf.evaluation import annealing

STARTS = ("prior", "encoder")
# The pilot takes this share of the temperatures, but at least so many.
_PILOT_SHARE, _SHORTEST_PILOT = 4, 4 * annealing.KNOTS


def options(num_temperatures, num_chains, num_leapfrog_steps, start):
    """The checked options of an annealing run.

    Raises:
        ValueError: for counts < 1 or an unknown start.
    """
    return {
        "num_temperatures": checks.positive_int("num_temperatures", num_temperatures),
        "num_chains": checks.positive_int("num_chains", num_chains),
        "num_leapfrog_steps": checks.positive_int("num_leapfrog_steps", num_leapfrog_steps),
        "from_prior": checks.one_of("start", start, STARTS) == "prior",
    }


def weighed(run, x, outputs, seeds, num_temperatures, num_chains, **options):
    """Runs the pilot on the first two of four seeds, and the counted chains on the others.

    Returns:
        Log weights `[C, B]` of chains with frozen step sizes, their mean acceptance `[B]`, and the
        step sizes `[KNOTS, B]` that the pilot adapted to the acceptance.
    """
    pilot = max(num_temperatures // _PILOT_SHARE, _SHORTEST_PILOT), True
    counted = num_temperatures, False
    none = run(_no_step_sizes, x)
    sizes = _chains(run, x, outputs, none, seeds[:2], *pilot, num_chains, **options)[2]
    found = _chains(run, x, outputs, sizes, seeds[2:], *counted, num_chains, **options)
    return *found[:2], sizes


def _chains(
    run, x, outputs, step_sizes, seeds, num_temperatures, adapts, num_chains, from_prior, **options
):
    """What `annealing.anneal` returns for chains from r; seeds of their start and their way."""
    start = {"num_chains": num_chains, "from_prior": from_prior}
    z = run(annealing.draw_start, x, outputs, seeds[0], **start)
    way = step_sizes, seeds[1], num_temperatures, adapts
    return run(annealing.anneal, x, outputs, z, *way, from_prior=from_prior, **options)


def _no_step_sizes(model, x):
    return tf.zeros([annealing.KNOTS, tf.shape(x)[0]], model.density_dtype)
