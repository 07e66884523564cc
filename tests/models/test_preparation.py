"""What new items need is read back as it was written, and refused where it does not fit together."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fusionrec import files, sections
from fusionrec.data.item_inputs import Fitted
from fusionrec.data.piecewise import Bins
from fusionrec.data.reduction import Reduction
from fusionrec.errors import UserError
from fusionrec.models import preparation
from fusionrec.models.preparation import Preparation, PreparationOptions

from ..catalogue import contents

P = sections.load(Path(__file__).resolve().parents[2] / "params.yaml")
SCALER = {"log": False, "fill": 0.1, "low": -1e100, "high": 1e100, "offset": 0.0, "scale": 1 / 3}


def example(**changes: Any) -> Preparation:
    chosen: dict[str, Any] = {"vision": {"dino": P.encoders.vision["dino"]}, "language": {"none": None}}
    options = PreparationOptions(
        clean=P.clean,
        images=P.images,
        cache=P.cache,
        encoders=P.encoders.model_copy(update=chosen),
        reproducible="off",
    )
    attributes = {"numbers": {"number_year": SCALER}, "categories": {"category_é": ["a", "b"]}}
    reduction = Reduction(torch.randn(3).double(), torch.randn(3, 2).double(), torch.tensor(0.1).double())
    whole = Reduction(torch.zeros(4).double(), None, torch.tensor(2.0).double())
    bins = [Bins(np.array([0.0, 1.0, 4.0]), np.array([0.25, 1 / 3]))]
    return Preparation(
        options, Fitted(attributes, {"vision": reduction}, {"language": whole}, bins)._replace(**changes)
    )


def same(a: Reduction | None, b: Reduction | None) -> bool:
    if a is None or b is None:
        return a is b
    return all((x is y) if x is None or y is None else torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    ours = example()
    preparation.save(tmp_path, ours)
    theirs = preparation.load(tmp_path)
    assert theirs.options == ours.options and theirs.fitted.attributes == ours.fitted.attributes
    for mine, read in (
        (ours.fitted.vectors, theirs.fitted.vectors),
        (ours.fitted.tokens, theirs.fitted.tokens),
    ):
        assert mine.keys() == read.keys() and all(same(mine[name], read[name]) for name in mine)
    assert theirs.fitted.bins is not None and ours.fitted.bins is not None
    for a, b in zip(theirs.fitted.bins[0], ours.fitted.bins[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert theirs.fitted.category_values == 3
    preparation.save(tmp_path / "linear", example(bins=None))
    assert preparation.load(tmp_path / "linear").fitted.bins is None


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(UserError) as error:
        preparation.load(folder)
    for word in (str(folder), *words, "dvc repro model"):
        assert word in str(error.value)


@pytest.mark.parametrize("name", preparation.NAME)
def test_a_file_that_is_missing_or_broken(tmp_path: Path, name: str) -> None:
    preparation.save(tmp_path, example())
    (tmp_path / name).write_bytes(b"{\xff")
    refused(tmp_path, name)
    (tmp_path / name).unlink()
    refused(tmp_path, name, "not found")


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("vision.mean", None),
        ("vision.scale", None),
        ("vision.mean", torch.zeros(3)),
        ("vision.mean", torch.full((3,), torch.nan).double()),
        ("vision.mean", torch.zeros(4).double()),
        ("vision.scale", torch.zeros(1).double()),
        ("vision.basis", torch.zeros(3).double()),
        ("bins.number_year.edges", None),
        ("bins.number_year.centre", torch.zeros(5).double()),
        ("sound.mean", torch.zeros(3).double()),
        ("vision.scale", torch.zeros(()).double()),
        ("bins.number_year.edges", torch.tensor([3.0, 2, 1]).double()),
    ],
)
def test_tensors_that_do_not_fit(tmp_path: Path, name: str, tensor: torch.Tensor | None) -> None:
    preparation.save(tmp_path, example())
    tensors = files.read_tensors(tmp_path / preparation.NAME[1])
    tensors = {n: x for n, x in tensors.items() if n != name} | ({} if tensor is None else {name: tensor})
    files.write_tensors(tmp_path / preparation.NAME[1], tensors)
    refused(tmp_path, name.split(".")[0 if name.startswith("vision") else -2])


def test_an_unknown_key(tmp_path: Path) -> None:
    preparation.save(tmp_path, example())
    path = tmp_path / preparation.NAME[0]
    files.write_json(path, files.read_json(path) | {"colour": 1})
    refused(tmp_path, "`colour`")


def test_values_that_no_model_has(tmp_path: Path) -> None:
    preparation.save(tmp_path, example())
    path, entry = tmp_path / preparation.NAME[0], {"scale": 0}
    whole = files.read_json(path)
    encoders, attributes = whole["encoders"], whole["attributes"]
    number = next(iter(attributes["numbers"]))
    scaler = attributes["numbers"][number] | entry
    for change, words in (
        ({"encoders": encoders | {"vision": {}}}, ("vision needs one encoder",)),
        ({"encoders": encoders | {"language": {"a": None, "b": None}}}, ("language needs one encoder",)),
        ({"cache": whole["cache"] | {"batch": 10**9}}, ("batch is above 65,536",)),
        ({"attributes": attributes | {"numbers": {number: scaler}}}, (f"{number}.scale", "greater than 0")),
        ({"attributes": attributes | {"categories": {"category_a": ["x", "x"]}}}, ("has a value twice",)),
    ):
        files.write_json(path, whole | change)
        refused(tmp_path, *words)


def test_widths_that_do_not_fit_the_model(tmp_path: Path) -> None:
    fitted = example().fitted
    mean, basis, _ = fitted.vectors["vision"]
    width = len(mean) if basis is None else basis.shape[1]
    preparation.check_widths(tmp_path, fitted, contents(2, vision=torch.zeros(2, width)))
    with pytest.raises(UserError, match=rf"vision gives vectors of width {width}, the model has {width + 1}"):
        preparation.check_widths(tmp_path, fitted, contents(2, vision=torch.zeros(2, width + 1)))
