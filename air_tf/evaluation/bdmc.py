"""How far estimates of log p(x) can be off, on data simulated from the model."""

import dataclasses

import tensorflow as tf

from air_tf import checks, objectives, prng
from air_tf.evaluation import annealed_weights, annealing
from air_tf.evaluation.amortized_posterior import amortized_posterior
from air_tf.evaluation.estimate import Estimate
from air_tf.evaluation.importance_log_likelihood import importance_log_likelihood
from air_tf.evaluation.iw_svi import IWSVIEstimate, iw_svi, spent_effort
from air_tf.evaluation.map_batches import map_batches
from air_tf.evaluation.simulate import simulate
from air_tf.program import program


@dataclasses.dataclass(frozen=True)
class BDMCBounds:
    """Bounds of log p(x) for the same simulated x, each an `Estimate` in nats.

    An estimate is off by at most `upper` less the estimate, in expectation: `bounds.upper -
    bounds.iw_svi` is a difference with its standard error.

    Attributes:
        upper: bound from above, by annealing backwards from exact posterior samples.
        lower: bound from below, by AIS.
        iw_svi: bound from below by IW-SVI.
        importance_log_likelihood: bound from below, IWAE-k with the encoder's q(z|x).
    """

    upper: Estimate
    lower: Estimate
    iw_svi: IWSVIEstimate
    importance_log_likelihood: Estimate

    def summary(self):
        """All bounds as `{"mean", "standard_error"}`, ready for JSON."""
        return {f.name: getattr(self, f.name).summary() for f in dataclasses.fields(self)}


def bdmc(
    model,
    num_examples=100,
    num_temperatures=1000,
    num_chains=8,
    num_leapfrog_steps=5,
    *,
    start="prior",
    quality="default",
    seed=0,
    batch_size=100,
    progress=True,
    backup_dir=None,
) -> BDMCBounds:
    """Bounds log p(x) from both sides, for data simulated from the model, in nats.

    z* ~ p(z), x ~ p(x|z*): so z* is an exact sample of p(z|x). Annealing backwards from it gives
    weights w′ with E w′ = 1/p(x), and −log (1/C) Σ_c w′_c is an upper bound in expectation (Grosse
    et al. 2015, 2016). The true log p(x) lies between the bounds: so one sees how far AIS, IW-SVI
    and IWAE-k can be off on data of this model. Real data may be harder.

    Under the multinomial likelihood, a simulated x has a total of 1.

    Args:
        model: a `VariationalAutoencoder`.
        num_examples: simulated observations.
        num_temperatures, num_chains, num_leapfrog_steps, start: as in `ais`.
        quality: of IW-SVI, as in `iw_svi`; IWAE-k takes the same k.
        seed: int; the same seed and batch size give the same numbers.
        batch_size: examples evaluated at once.
        progress: whether to show progress bars with images/s.
        backup_dir: folder for the results of finished batches, from which the same call resumes
            after an interruption; none if None. Delete it when done.

    Returns:
        A `BDMCBounds`.

    Raises:
        ValueError: for counts < 1, an unknown start or an unknown quality.

    Example:
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> bounds = air_tf.evaluation.bdmc(model, 10, 50, num_chains=2, progress=False)
    >>> bool((bounds.upper - bounds.lower).mean < 1)
    True
    """
    effort = spent_effort(quality)
    annealed = annealed_weights.options(num_temperatures, num_chains, num_leapfrog_steps, start)
    num_examples = checks.positive_int("num_examples", num_examples)
    z, x = (
        values.numpy() for values in program(_simulated)(model, num_examples, prng.as_seed(seed))
    )
    shared = {
        "seed": seed,
        "batch_size": batch_size,
        "progress": progress,
        "backup_dir": backup_dir,
    }
    bounds = map_batches(_bounds, model, x, along=(z,), description="BDMC", **shared, **annealed)
    return BDMCBounds(
        *map(Estimate, bounds),
        iw_svi(model, x, quality=quality, **shared),
        importance_log_likelihood(model, x, effort["num_samples"], **shared),
    )


def _simulated(model, num_examples, seed):
    """z* ~ p(z) `[N, Z]` and x ~ p(x|z*) `[N, *S]`."""
    of_z, of_x = prng.split(prng.fold_in(seed, 1))
    z = prng.normal([num_examples, model.latent_dim], of_z, model.density_dtype)
    return z, simulate(model, z, of_x)


def _bounds(run, x, z, seed, num_temperatures, num_chains, **options):
    outputs, seeds = run(amortized_posterior, x, seed)
    log_weights, _, step_sizes = annealed_weights.weighed(
        run, x, outputs, seeds[:4], num_temperatures, num_chains, **options
    )
    start = run(_copies, x, z, num_chains=num_chains)
    backwards = step_sizes, seeds[4], num_temperatures, False
    undone, *_ = run(annealing.anneal, x, outputs, start, *backwards, backwards=True, **options)
    return run(_reduced, x, undone, log_weights)


def _copies(model, x, z, *, num_chains):
    del model, x
    return tf.repeat(z[tf.newaxis], num_chains, axis=0)


def _reduced(model, x, undone, log_weights):
    del model, x
    return -objectives.iwae_bound(undone), objectives.iwae_bound(log_weights)
