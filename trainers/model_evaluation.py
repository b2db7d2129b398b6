"""Everything that the library can say of a model's log p(x) on some examples."""

import warnings

from air_tf import evaluation


def evaluate(model, x, train_x, config, backups):
    """Evaluates a model, as far as the config asks for.

    Args:
        model: a `VariationalAutoencoder`.
        x: the examples `[N, *S]`.
        train_x: training examples for the report of generalization, or None without one.
        config: an `EvaluateConfig`.
        backups: folder for the results of finished batches, or None.

    Returns:
        {quantity: `Estimate`} and {"active_units", "bdmc" or "generalization": its result}.
    """
    with warnings.catch_warnings():  # the table says what they would say
        warnings.simplefilter("ignore", evaluation.UnreliableEstimateWarning)
        return _evaluated(model, x, train_x, config, backups)


def _evaluated(model, x, train_x, config, backups):
    shared = {"seed": config.seed, "batch_size": config.batch_size, "backup_dir": backups}
    effort = config.num_samples, config.num_train_samples, config.max_steps
    gaps = evaluation.inference_gaps(model, x, *effort, **shared)
    estimates = {name: getattr(gaps, name) for name in gaps.summary()}
    reports = {}
    if len(x) > 1:
        active = evaluation.active_units(model, x, batch_size=config.batch_size)
        reports["active_units"] = int(active.sum())
    if config.ais is not None:
        estimates["ais"] = evaluation.ais(model, x, config.ais, **shared)
    if config.bdmc is not None:
        temperatures = {} if config.ais is None else {"num_temperatures": config.ais}
        reports["bdmc"] = evaluation.bdmc(model, config.bdmc, **temperatures, **shared)
    if config.generalization:
        of_train = evaluation.inference_gaps(model, train_x, *effort, **shared)
        reports["generalization"] = evaluation.Generalization(of_train, gaps)
    return estimates, reports
