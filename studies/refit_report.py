"""The table of a record of `studies.refit`."""

from studies.markdown import document, table

_QUESTION = """# Does an encoder that is refitted to its decoder lose less?

The decoder stays, and so does log p(x). The encoder trains on: with the training images, and with
samples of the model itself (`air_tf.evaluation.refit_encoder`). So what changes on test images is
how much of log p(x) the amortized posterior loses. The control trains on with the training images
alone, each twice an epoch, so that it takes as many steps."""
_CAPTION = """\
The rows of a model: its own values, then the change after each kind of refit: on the first
{num_test_examples} test images, in nats, by `inference_gaps` (quality {quality}). A refit has
{epochs} epochs of the {num_train_examples} training images and as many samples, and a learning rate
from {learning_rate:g} to 0. A change is the mean over {num_seeds} seeds of the refit; ± is the
paired standard error over images, and the brackets have the lowest and the highest seed. Each model
was trained once. log p(x) itself stays: a change in the last column shows by how much its estimate
depends on the encoder from which it starts."""
_COLUMNS = {
    "elbo": "ELBO",
    "amortization_gap": "amortization gap",
    "importance_log_likelihood": "IWAE bound",
    "log_likelihood": "log p(x) by IW-SVI",
}


def page(record):
    """The page of the record, results/refit.md."""
    command = "`python -m studies.refit` made the record, results/refit.json."
    return document(_QUESTION, markdown(record), command)


def markdown(record):
    """A table of the record."""
    rows = []
    for model, before in record["before"].items():
        rows.append([model, "", *(_value(before[name]) for name in _COLUMNS)])
        for found in record["refits"]:
            if found["model"] == model:
                changes = (_change(found["change"][name]) for name in _COLUMNS)
                rows.append([model, _kind(found["kind"]), *changes])
    caption = _CAPTION.format(**record["config"], **_counts(record))
    return "\n\n".join((caption, table(["", "refit with", *_COLUMNS.values()], rows)))


def _counts(record):
    return {name: record[name] for name in ("num_train_examples", "num_test_examples")}


def _kind(kind):
    return kind if kind == "data alone" else f"samples, z of the {kind}"


def _value(found):
    return f"{found['mean']:z.2f} ± {found['standard_error']:.2f}"


def _change(found):
    low, high = min(found["by_seed"]), max(found["by_seed"])
    return f"{found['mean']:+z.2f} ± {found['standard_error']:.2f} [{low:+z.2f}, {high:+z.2f}]"
