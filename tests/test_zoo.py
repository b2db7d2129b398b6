"""Published models: which are listed, which load, which are refused."""

import json

import numpy as np
import pytest

import air_tf
from air_tf import checksums
from tests.conftest import small_model


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "digits" / "vae"
    path.mkdir(parents=True)
    small_model().save(path / "model.keras")
    (path / "card.json").write_text('{"name": "digits/vae"}')
    checksums.write_hashes(path)
    return tmp_path


def test_lists_and_loads(folder, x):
    assert air_tf.zoo.list_pretrained(folder) == ["digits/vae"]
    assert air_tf.zoo.read_card("digits/vae", folder) == {"name": "digits/vae"}
    loaded = air_tf.zoo.load_pretrained("digits/vae", folder)
    np.testing.assert_array_equal(loaded.encode(x)["loc"], small_model().encode(x)["loc"])


def test_unknown_name(folder):
    with pytest.raises(ValueError, match="did you mean 'digits/vae'"):
        air_tf.zoo.load_pretrained("digits/vea", folder)
    with pytest.raises(ValueError, match=r"with a checkout.* Received: name='digits/vae'$"):
        air_tf.zoo.load_pretrained("digits/vae", folder / "empty")


def test_refuses_files_that_are_not_listed(folder):
    path = folder / "digits" / "vae"
    hashes = (path / "SHA256SUMS").read_text().splitlines(keepends=True)
    for listed in ([], hashes[:1], hashes[1:]):
        (path / "SHA256SUMS").write_text("".join(listed))
        with pytest.raises(ValueError, match="by its SHA-256"):
            air_tf.zoo.verify(path)
    (path / "SHA256SUMS").write_text("".join(hashes))
    (path / "more").write_text("")
    with pytest.raises(ValueError, match="digits/vae/more"):
        air_tf.zoo.read_card("digits/vae", folder)


def test_a_model_without_a_card_is_listed_and_refused(folder):
    (folder / "digits" / "vae" / "card.json").unlink()
    assert air_tf.zoo.list_pretrained(folder) == ["digits/vae"]
    with pytest.raises(ValueError, match=r"must have card\.json"):
        air_tf.zoo.load_pretrained("digits/vae", folder)


@pytest.mark.parametrize("damage", ["edited", "truncated", "missing"])
@pytest.mark.parametrize("name", ["model.keras", "card.json"])
def test_refuses_what_was_not_published(folder, name, damage):
    file = folder / "digits" / "vae" / name
    content = file.read_bytes()
    if damage == "edited":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    else:
        file.unlink()
    with pytest.raises(ValueError, match=name):
        air_tf.zoo.verify(folder / "digits" / "vae")
    if name == "model.keras":
        with pytest.raises(ValueError, match="by its SHA-256"):
            air_tf.zoo.load_pretrained("digits/vae", folder)


def test_the_published_models_are_whole():
    """The models of this checkout: files as published, cards complete."""
    names = air_tf.zoo.list_pretrained()
    six = ("vae", "dvae", "wni_vae", "iwae8", "diwae8", "wni_iwae8")
    assert {f"digits/{model}" for model in six} <= set(names)
    for name in names:
        air_tf.zoo.verify(air_tf.zoo.FOLDER / name)
        card = air_tf.zoo.read_card(name)
        assert card["name"] == name
        assert {"config", "data", "command", "versions", "test"} <= set(card)
        assert {"task", "training", "chosen_by"} <= set(card)
        assert card["versions"]["commit"]
        for quantity in ("log_likelihood", "importance_log_likelihood", "elbo", "inference_gap"):
            assert card["test"][quantity]["standard_error"] > 0
        for file in ("README.md", "samples.png", "saved_model/saved_model.pb"):
            assert (air_tf.zoo.FOLDER / name / file).exists()
        assert json.dumps(card).isascii()
    size = sum(f.stat().st_size for f in air_tf.zoo.FOLDER.rglob("*") if f.is_file())
    assert size < 80e6
