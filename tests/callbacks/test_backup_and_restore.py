"""Interrupted training ends like training without interruption, bit for bit."""

import errno
import os
import shutil

import keras
import numpy as np
import pytest

import air_tf
from air_tf.callbacks import BackupAndRestore, EarlyStopping

DATA = air_tf.datasets.load("digits")
INPUTS = {
    "arrays": lambda: {"x": DATA.train, "batch_size": 200},
    "weighted": lambda: {
        "x": DATA.train,
        "batch_size": 150,
        "sample_weight": np.linspace(0, 2, len(DATA.train), dtype="float32"),
    },
    "dataset": lambda: {"x": DATA.training_batches(200, seed=1)},
    "dataset_in_parts": lambda: {
        "x": DATA.training_batches(150, seed=1).repeat(),
        "steps_per_epoch": 4,
    },
}


class Interrupt(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.epoch:
            raise KeyboardInterrupt


def fit(folder, epoch=None, inputs="arrays", jit_compile=False, latent_dim=3, dtype=None):
    """Weights and history; None if interrupted at the end of `epoch`, before its backup.

    It trains without XLA, which is slow to compile, unless a test is about XLA.
    """
    model = air_tf.create_model(
        "dvae" if jit_compile else "dwni_vae",
        input_dim=64,
        latent_dim=latent_dim,
        encoder_units=(8,),
        decoder_units=(8,),
        num_validation_samples=2,
        seed=5,
        dtype=dtype,
    )
    schedule = air_tf.exponential_decay(0.3, 100, 0.1)
    model.compile(keras.optimizers.Adam(schedule), jit_compile=jit_compile)
    callbacks = [
        EarlyStopping(patience=2),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        BackupAndRestore(folder),
        Interrupt(epoch),
    ]
    options = {"epochs": 20, "validation_data": (DATA.validation,), "verbose": 0}
    try:
        history = model.fit(**INPUTS[inputs](), **options, callbacks=callbacks)
    except KeyboardInterrupt:
        return None
    return model.get_weights(), (history.epoch, history.history)


def assert_same(result, expected):
    for weight, other in zip(result[0], expected[0], strict=True):
        np.testing.assert_array_equal(weight, other)
    assert result[1] == expected[1]


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The result of training without interruption."""
    return fit(tmp_path_factory.mktemp("untouched"))


@pytest.fixture
def touched(tmp_path, backups):
    """A folder with backups after epochs 2 and 3."""
    return shutil.copytree(backups, tmp_path / "touched")


@pytest.fixture(scope="module")
def backups(tmp_path_factory):
    path = tmp_path_factory.mktemp("backups")
    assert fit(path, 2) is None
    assert fit(path, 4) is None
    return path


def test_interrupted_twice_is_as_if_not(expected, touched):
    assert 5 <= len(expected[1][0]) < 20  # stopped early
    assert_same(fit(touched), expected)


@pytest.mark.parametrize("inputs", [name for name in INPUTS if name != "arrays"])
def test_inputs(inputs, tmp_path):
    expected = fit(tmp_path / "untouched", inputs=inputs)
    assert fit(tmp_path / "touched", 3, inputs) is None
    assert_same(fit(tmp_path / "touched", inputs=inputs), expected)


@pytest.mark.parametrize("dtype", ["bfloat16", "mixed_float16"])
def test_dtypes(dtype, tmp_path):
    """NumPy's files do not know bfloat16; in float16, the optimizer skips steps that overflow."""
    expected = fit(tmp_path / "untouched", dtype=dtype)
    assert fit(tmp_path / "touched", 3, dtype=dtype) is None
    assert_same(fit(tmp_path / "touched", dtype=dtype), expected)


@pytest.mark.slow
def test_with_superbatches(tmp_path):
    """With a dataset; tests/trainers/test_interruption.py has arrays."""
    options = {"inputs": "dataset", "jit_compile": True}
    expected = fit(tmp_path / "untouched", **options)
    assert fit(tmp_path / "touched", 3, **options) is None
    assert_same(fit(tmp_path / "touched", **options), expected)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_backup_is_passed_over(damage, expected, touched):
    _, last = sorted(touched.iterdir())
    content = bytearray(last.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    last.write_bytes(content[: {"truncated": len(content) // 2, "empty": 0}.get(damage)])
    with pytest.warns(UserWarning, match=f"{last.name} is damaged"):
        assert_same(fit(touched), expected)


def test_backups_of_another_model(touched):
    with pytest.raises(ValueError, match="must be of the model that is trained"):
        fit(touched, latent_dim=4)


def test_a_full_disk_leaves_the_backups_before(expected, touched, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = sorted(touched.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            fit(touched)
    assert sorted(touched.iterdir()) == before
    assert_same(fit(touched), expected)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        fit(tmp_path / "file")


def test_alone_among_callbacks(tmp_path):
    model = air_tf.create_model("vae", 64, encoder_units=(4,), decoder_units=(4,), seed=0)
    model.compile(jit_compile=False)
    histories = []
    for epochs in (3, 3, 5):
        options = {"epochs": epochs, "verbose": 0, "callbacks": [BackupAndRestore(tmp_path)]}
        histories.append(model.fit(DATA.train, **options))
    assert [history.epoch for history in histories] == [[0, 1, 2], [0, 1, 2], [0, 1, 2, 3, 4]]
    losses = [history.history["loss"] for history in histories]
    assert losses[0] == losses[1] == losses[2][:3]
    assert len(losses[2]) == 5


class Records(keras.callbacks.Callback):
    """A user's callback: a list that grows, a dict that changes, a value that cannot be written."""

    def __init__(self):
        super().__init__()
        self.losses, self.best, self.other = [], {}, object()

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(logs["loss"])
        self.best["loss"] = min(self.losses)


def test_state_of_a_users_callback(tmp_path):
    model = air_tf.create_model("vae", 64, encoder_units=(4,), decoder_units=(4,), seed=0)
    model.compile(jit_compile=False)
    for epochs in (3, 5):
        records = Records()
        callbacks = [records, BackupAndRestore(tmp_path)]
        history = model.fit(DATA.train, epochs=epochs, verbose=0, callbacks=callbacks).history
        assert records.losses == history["loss"]
        assert records.best == {"loss": min(history["loss"])}
    assert len(records.losses) == 5


def test_other_files_in_the_folder_stay(tmp_path):
    others = [tmp_path / name for name in ("a.npz", "mine.npz", "notes.tmp")]
    for path in others:
        path.write_text("")
    name = f"00000001-{'0' * 16}"
    # Left by a kill, in today's form and in an old one.
    leftovers = [tmp_path / f".{name}.npz.tmp", tmp_path / f"{name}.tmp"]
    for path in leftovers:
        path.write_text("")
    model = air_tf.create_model("vae", 64, encoder_units=(4,), decoder_units=(4,), seed=0)
    model.compile(jit_compile=False)
    model.fit(DATA.train, epochs=5, verbose=0, callbacks=[BackupAndRestore(tmp_path)])
    assert all(path.exists() for path in others)
    assert not any(path.exists() for path in leftovers)
    backups = [path.name[:8] for path in sorted(tmp_path.glob("0*.npz"))]
    assert backups == ["00000003", "00000004"]


def test_models_of_another_kind_are_refused(tmp_path):
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    with pytest.raises(TypeError, match="Received: Sequential"):
        model.fit(np.ones((4, 12)), np.ones(4), callbacks=[BackupAndRestore(tmp_path)], verbose=0)


def test_seconds_between_backups(tmp_path):
    model = air_tf.create_model("vae", input_dim=64, encoder_units=(4,), decoder_units=(4,))
    model.compile(jit_compile=False)
    model.fit(DATA.train, epochs=4, verbose=0, callbacks=[BackupAndRestore(tmp_path, 1e6)])
    assert not list(tmp_path.iterdir())
