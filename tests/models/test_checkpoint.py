"""A model folder is read back as it was written, and refused where it does not fit together."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from fusionrec import checksums, files
from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import SUFFIXES
from fusionrec.errors import DamagedError, UserError
from fusionrec.models import checkpoint
from fusionrec.models.contract import ModelData
from fusionrec.models.trained_model import TrainedModel
from fusionrec.models.zoo.fusion import FusionModel

from .conftest import CATEGORY_VALUES, ITEMS, USERS

ITEM_IDS, USER_IDS = list("abcdef"), list("wxyz")
METRICS = {"epoch": 3, "monitor": "ndcg@10", "value": 0.25}
PAST = Histories.of(
    pd.DataFrame({"user": [0, 0, 0, 1], "item": [1, 2, 3, 4], "timestamp": [1, 2, 3, 1]}), USERS
)
ALL = np.arange(USERS)
CPU = torch.device("cpu")
VARIANTS: list[dict[str, Any]] = [
    {},
    {"method": "gated", "user": "id", "final_activation": "tanh", "item_id": False},
    {"method": "attention", "head": "mlp", "batch_norm": True, "history": "attention"},
    {"method": "cross_modal", "user": "both", "projection_hidden_dim": 3, "batch_norm": True},
]


@pytest.fixture
def write(options, with_tokens, tmp_path: Path) -> Callable[..., FusionModel]:  # type: ignore[no-untyped-def]
    def written(folder: Path = tmp_path, **update: Any) -> FusionModel:
        known = torch.tensor([True, True, False, True])
        model = FusionModel(
            options.model_copy(update=update), ModelData(with_tokens, USERS, CATEGORY_VALUES, known)
        )
        model.reset(torch.Generator().manual_seed(5))
        model.towers(with_tokens)  # moves the statistics of batch norm
        data = ModelData(with_tokens, USERS, CATEGORY_VALUES, known)
        checkpoint.save(folder, "fusion", model, data, ITEM_IDS, USER_IDS, METRICS)
        return model

    return written


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.is_file()
    }


@pytest.mark.parametrize("update", VARIANTS)
def test_what_is_read_scores_the_same_and_is_written_the_same(write, with_tokens, tmp_path, update) -> None:  # type: ignore[no-untyped-def]
    before = TrainedModel(write(**update), with_tokens)
    loaded = checkpoint.load(tmp_path, CPU, ITEM_IDS)
    assert torch.equal(loaded.score(ALL, PAST), before.score(ALL, PAST))
    assert loaded.item_ids == ITEM_IDS and loaded.user_ids == USER_IDS
    assert isinstance(loaded.model, FusionModel)
    assert loaded.model.known_users.tolist() == [True, True, False, True]
    assert files.read_json(tmp_path / "metrics.json") == METRICS
    again = tmp_path / "again"
    data = ModelData(with_tokens, USERS, CATEGORY_VALUES)
    checkpoint.save(again, "fusion", loaded.model, data, loaded.item_ids, loaded.user_ids, METRICS)
    assert hashes(again) == hashes(tmp_path)


def test_weights_that_were_read_can_be_trained_on(write, tmp_path) -> None:  # type: ignore[no-untyped-def]
    ours = dict(write().named_parameters())
    theirs = dict(checkpoint.load(tmp_path, CPU).model.named_parameters())
    assert {*ours} == {*theirs} and all(weight.requires_grad for weight in theirs.values())


def refused(folder: Path, *words: str, **arguments: Any) -> None:
    """Loading ends with one message that names the folder, all of `words` and the remedy."""
    with pytest.raises(UserError) as error:
        checkpoint.load(folder, CPU, **arguments)
    for word in (str(folder), *words, "dvc repro model"):
        assert word in str(error.value)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "item_ids.json", "user_ids.json", "metrics.json"]
)
def test_a_file_that_is_missing_or_broken(write, tmp_path, name) -> None:  # type: ignore[no-untyped-def]
    write()
    (tmp_path / name).write_bytes(b"{\xff")
    refused(tmp_path, name)
    (tmp_path / name).write_bytes(b"[1, ")
    refused(tmp_path, name)
    (tmp_path / name).unlink()
    refused(tmp_path, name, "not found")


def tensors_become(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    path = folder / "model.safetensors"
    tensors = files.read_tensors(path)
    change(tensors)
    files.write_tensors(path, tensors)


@pytest.mark.parametrize(
    "name", ["item_bias", "known_users", "content.trained", "history.modalities.vision.absent"]
)
def test_a_tensor_that_is_missing(write, tmp_path, name) -> None:  # type: ignore[no-untyped-def]
    write()
    tensors_become(tmp_path, lambda tensors: tensors.pop(name))
    refused(tmp_path, f"{name} is missing")


@pytest.mark.parametrize("name", ["users.weight", "content.sound", "extra"])
def test_a_tensor_that_is_unexpected(write, tmp_path, name) -> None:  # type: ignore[no-untyped-def]
    write()
    tensors_become(tmp_path, lambda tensors: tensors.update({name: torch.ones(2)}))
    refused(tmp_path, f"{name} is unexpected")


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("item_bias", torch.zeros(ITEMS + 1)),
        ("item_bias", torch.zeros(ITEMS, dtype=torch.float64)),
        ("item_bias", torch.full((ITEMS,), torch.nan)),
        ("candidates.modalities.vision.linear.weight", torch.zeros(8, 4)),
        ("known_users", torch.ones(USERS + 1, dtype=torch.bool)),
        ("log_temperature", torch.zeros(1)),
        ("content.vision", torch.zeros(ITEMS - 1, 5)),
        ("content.vision", torch.zeros(ITEMS)),
        ("content.vision", torch.full((ITEMS, 5), torch.inf)),
        ("content.trained", torch.zeros(())),
        ("content.trained", torch.zeros(ITEMS)),
        ("content.numbers", torch.zeros(())),
        ("content.language_tokens", torch.zeros(ITEMS, 4)),
        ("content.category_offsets", torch.zeros(ITEMS, dtype=torch.int64)),
        ("content.category_offsets", torch.tensor([0, 2, 2, 3, 4, 4, 6])),
        ("content.category_offsets", torch.tensor([0, 3, 2, 3, 4, 4, 5])),
        ("content.category_values", torch.tensor([0, 2, 1, 1, CATEGORY_VALUES])),
        ("content.category_values", torch.tensor([0, 2, -1, 1, 0])),
    ],
)
def test_a_tensor_that_does_not_fit(write, tmp_path, name, tensor) -> None:  # type: ignore[no-untyped-def]
    write()
    tensors_become(tmp_path, lambda tensors: tensors.update({name: tensor}))
    refused(tmp_path, name.split(".")[-1] if name.startswith("content.") else name)


def config_becomes(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    config = files.read_json(folder / "config.json")
    change(config)
    files.write_json(folder / "config.json", config)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(schema=1), ["schema 1 is older than 3"]),
        (lambda c: c.update(schema=99), ["schema 99 was written by a newer version"]),
        (lambda c: c.update(schema=3), ["it is not what schema 3 looks like"]),
        (lambda c: c.pop("schema"), ["it has no schema"]),
        (lambda c: c.pop("sizes"), ["keys schema, model"]),
        (lambda c: c.update(more=1), ["more"]),
        (lambda c: c["model"].update(name="gpt"), ["model needs a name, one of "]),
        (lambda c: c["model"]["options"].update(colour=1), ["`model.options.colour` is not known"]),
        (
            lambda c: c["model"]["options"].pop("dim"),
            ["`model.options.dim` is missing", "FusionOptions.before"],
        ),
        (lambda c: c["model"]["options"].update(method="sum"), ["`model.options.method`"]),
        (lambda c: c.update(model=3), ["model needs a name"]),
        (lambda c: c["model"]["options"].update(dim=16), ["[3, 8]", "[3, 16]"]),
        (lambda c: c["model"]["options"].update(dim=2**62), ["sizes"]),
        (lambda c: c["model"]["options"].update(user="both"), ["users.weight is missing"]),
        (lambda c: c["sizes"].update(users=10**15), ["known_users"]),
        (lambda c: c["sizes"].update(users=10**30), ["sizes"]),
        (lambda c: c["sizes"].update(users="4"), ["users and category_values"]),
        (lambda c: c["sizes"].update(users=-1), ["users and category_values"]),
        (lambda c: c["sizes"].pop("users"), ["users and category_values"]),
        (lambda c: c.update(sizes=[4, 3]), ["users and category_values"]),
    ],
)
def test_a_config_that_does_not_fit(write, tmp_path, change, words) -> None:  # type: ignore[no-untyped-def]
    write()
    config_becomes(tmp_path, change)
    refused(tmp_path, *words)


@pytest.mark.parametrize("config", [[], 3, None, "schema"])
def test_a_config_that_is_no_object(write, tmp_path, config) -> None:  # type: ignore[no-untyped-def]
    write()
    files.write_json(tmp_path / "config.json", config)
    refused(tmp_path, "it has no schema")


@pytest.mark.parametrize(
    ("name", "ids", "words"),
    [
        ("item_ids.json", ITEM_IDS[:-1], "5 ids, the weights 6 rows"),
        ("user_ids.json", [*USER_IDS, "v"], "5 ids, the weights 4 rows"),
        ("item_ids.json", [*ITEM_IDS[:-1], "a"], "twice"),
        ("user_ids.json", [1, 2, 3, 4], "list of strings"),
        ("user_ids.json", {"w": 0}, "list of strings"),
        ("metrics.json", [1], "object"),
    ],
)
def test_ids_that_do_not_fit_the_weights(write, tmp_path, name, ids, words) -> None:  # type: ignore[no-untyped-def]
    write()
    files.write_json(tmp_path / name, ids)
    refused(tmp_path, name, words)


def test_rows_that_are_not_those_of_the_catalogue(write, tmp_path) -> None:  # type: ignore[no-untyped-def]
    write()
    refused(tmp_path, "row 1 is 'b'", "'c'", item_ids=["a", "c", "b", *ITEM_IDS[3:]])
    refused(tmp_path, "6 items", "7", item_ids=[*ITEM_IDS, "g"])


def test_every_input_has_a_known_kind() -> None:
    assert {"modalities", *checkpoint._KINDS} == {*checkpoint.ItemInputs._fields}
    assert {*checkpoint._MODALITY} == {*SUFFIXES.values()}


def test_nothing_of_the_folder_is_a_path_or_a_date(write, tmp_path) -> None:  # type: ignore[no-untyped-def]
    write()
    first = hashes(tmp_path)
    write(tmp_path / "other" / "place")
    assert hashes(tmp_path / "other" / "place") == first
    text = (tmp_path / "config.json").read_text(encoding="utf-8")
    assert not re.search(r"/tmp|20\d\d-", text)


@pytest.mark.parametrize("name", ["config.json", "item_ids.json", "user_ids.json", "metrics.json"])
@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, '{"a": ' * 50_000, ""])
def test_json_that_cannot_be_read(write, tmp_path, name, text) -> None:  # type: ignore[no-untyped-def]
    write()
    (tmp_path / name).write_text(text)
    refused(tmp_path, name, "is not JSON")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "item_ids.json"])
def test_a_folder_in_place_of_a_file(write, tmp_path, name) -> None:  # type: ignore[no-untyped-def]
    write()
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    refused(tmp_path, name)


@pytest.mark.parametrize("name", ["content.vision", "item_bias"])
@pytest.mark.parametrize("value", [3e38, -3e38, torch.inf, torch.nan])
def test_numbers_whose_products_are_not_finite(write, tmp_path, name, value) -> None:  # type: ignore[no-untyped-def]
    write()

    def harm(tensors: dict[str, torch.Tensor]) -> None:
        tensors[name].view(-1)[0] = value

    tensors_become(tmp_path, harm)
    refused(tmp_path, name, "not finite, or beyond 1e+12")


def test_flipped_bits_are_found_where_the_folder_has_hashes(write, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """A flip in a weight gives another finite number, which no other check can find."""
    write()
    checksums.write(tmp_path)
    checkpoint.load(tmp_path, CPU)
    for name in ("model.safetensors", "config.json", "item_ids.json", "user_ids.json"):
        path = tmp_path / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        with pytest.raises(DamagedError, match=name):
            checkpoint.load(tmp_path, CPU)
        path.write_bytes(whole)
    checkpoint.load(tmp_path, CPU)
