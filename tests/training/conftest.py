"""A small world that every test of training shares."""

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest
import torch
from tests.catalogue import contents

from fusionrec import sections
from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.zoo.fusion import FusionModel
from fusionrec.params import Section

ITEMS, USERS = 12, 30
S = TypeVar("S", bound=Section)
PARAMS = sections.load(Path(__file__).resolve().parents[2] / "params.yaml")
MODEL: FusionOptions = PARAMS.model.own("fusion").model_copy(
    update={
        "new_items": "tower",
        "dim": 16,
        "id_dropout": 0.1,
        "content_dropout": 0.1,
        "history_dropout": 0.0,
        "max_history": 8,
    }
)
TRAIN = PARAMS.train.model_copy(
    update={"batch": 16, "targets": 1, "masked": 0.0, "lr": 0.02, "epochs": 40, "patience": 40}
)


def updated(section: S, **changes: Any) -> S:
    """The section with other values; keys that it does not have are an error."""
    assert changes.keys() <= type(section).model_fields.keys(), changes
    return section.model_copy(update=changes)


def losses(**weights: float) -> dict[str, float]:
    """The option `losses` of a model: those that are not named are off."""
    return dict.fromkeys(MODEL.losses, 0.0) | weights


def cycle() -> Histories:
    """Everybody walks round the catalogue: after item i comes item i + 1."""
    rows = [(user, (user + step) % ITEMS, step) for user in range(USERS) for step in range(8)]
    return Histories.of(pd.DataFrame(rows, columns=["user", "item", "timestamp"]), USERS)


def build(content: ItemInputs, options: FusionOptions = MODEL, seed: int = 1) -> FusionModel:
    model = FusionModel(options, ModelData(content, USERS, 0))
    model.reset(torch.Generator().manual_seed(seed))
    return model


def world() -> ItemInputs:
    """Pictures and texts of width 5 and 4; item 3 has no picture, item 4 no text."""
    draw = np.random.default_rng(0)
    vision, language = (
        torch.from_numpy(draw.standard_normal((ITEMS, width), np.float32)) for width in (5, 4)
    )
    everything = torch.ones(ITEMS, dtype=torch.bool)
    seen, read = everything.clone(), everything.clone()
    seen[3], read[4] = False, False
    return contents(
        ITEMS,
        vision=vision * seen[:, None],
        vision_present=seen,
        language=language * read[:, None],
        language_present=read,
    )


@pytest.fixture
def content() -> ItemInputs:
    return world()
