"""An interrupted evaluation resumes batch by batch, and reads nothing of another one."""

import numpy as np
import pytest

import air_tf
from air_tf.evaluation import finished_batches

X = air_tf.datasets.load("digits").test[:35]


@pytest.fixture
def writes(monkeypatch):
    """Indices of the written batches; an interruption follows the batch in "last"."""
    seen, write = {"indices": [], "last": None}, finished_batches.write

    def counted(path, index, outputs):
        if seen["last"] is not None and index > seen["last"]:
            raise KeyboardInterrupt
        write(path, index, outputs)
        seen["indices"].append(index)

    monkeypatch.setattr(finished_batches, "write", counted)
    return seen


def make_model(seed=0):
    units = {"encoder_units": (6,), "decoder_units": (6,)}
    return air_tf.create_model("vae", input_dim=64, latent_dim=2, **units, seed=seed)


def evaluate(model, folder=None):
    options = {"seed": 0, "batch_size": 10, "progress": False, "backup_dir": folder}
    gaps = air_tf.evaluation.inference_gaps(model, X, num_samples=20, max_steps=10, **options)
    estimates = (gaps.log_likelihood, gaps.elbo, gaps.optimal_elbo, gaps.importance_log_likelihood)
    return np.stack([estimate.per_example for estimate in estimates])


def test_goes_on_where_it_was_interrupted(tmp_path, writes):
    model = make_model()
    expected = evaluate(model)
    writes["last"] = 1
    with pytest.raises(KeyboardInterrupt):
        evaluate(model, tmp_path)
    writes["last"] = None
    np.testing.assert_array_equal(evaluate(model, tmp_path), expected)
    assert writes["indices"] == [0, 1, 2, 3]
    for path in sorted(tmp_path.rglob("*.npz"))[::3]:
        path.write_bytes(path.read_bytes()[:-5])
    np.testing.assert_array_equal(evaluate(model, tmp_path), expected)
    assert writes["indices"][4:] == [0, 3]  # the damaged ones
    np.testing.assert_array_equal(evaluate(model, tmp_path), expected)
    assert len(writes["indices"]) == 6


@pytest.mark.parametrize("change", [{"seed": 1}, {"num_samples": 21}, {"model": make_model(1)}])
def test_takes_nothing_of_another(change, tmp_path, writes):
    def evaluate(model, folder=None, **options):
        options |= {"batch_size": 10, "progress": False, "backup_dir": folder}
        estimate = air_tf.evaluation.importance_log_likelihood(model, X, **options)
        return estimate.per_example

    arguments = {"model": make_model(), "seed": 0, "num_samples": 20}
    evaluate(folder=tmp_path, **arguments)
    other = {**arguments, **change}
    np.testing.assert_array_equal(evaluate(folder=tmp_path, **other), evaluate(**other))
    assert len(writes["indices"]) == 8
