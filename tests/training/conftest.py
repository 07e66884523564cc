"""A small world that every test of training shares."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fusionrec import params
from fusionrec.data.content import Content
from fusionrec.data.histories import Histories
from fusionrec.models.two_towers import FusionModel, Shape

ITEMS, USERS = 12, 30
PARAMS = params.load(Path(__file__).resolve().parents[2] / "params.yaml")
MODEL = PARAMS.model.model_copy(
    update={"dim": 16, "id_dropout": 0.1, "content_dropout": 0.1, "history_dropout": 0.0, "max_history": 8}
)
TRAIN = PARAMS.train.model_copy(
    update={"batch": 16, "targets": 1, "masked": 0.0, "lr": 0.02, "epochs": 40, "patience": 40}
)


def losses(**weights: float) -> params.Losses:
    return params.Losses(**(dict.fromkeys(params.Losses.model_fields, 0.0) | weights))


def cycle() -> Histories:
    """Everybody walks round the catalogue: after item i comes item i + 1."""
    rows = [(user, (user + step) % ITEMS, step) for user in range(USERS) for step in range(8)]
    return Histories.of(pd.DataFrame(rows, columns=["user", "item", "timestamp"]), USERS)


def build(content: Content, options: params.Model = MODEL, seed: int = 1) -> FusionModel:
    model = FusionModel(options, content, Shape(USERS, 0))
    model.reset(torch.Generator().manual_seed(seed))
    return model


def world() -> Content:
    """Pictures and texts of width 5 and 4; item 3 has no picture, item 4 no text."""
    draw = np.random.default_rng(0)
    vision, language = (
        torch.from_numpy(draw.standard_normal((ITEMS, width), np.float32)) for width in (5, 4)
    )
    everything = torch.ones(ITEMS, dtype=torch.bool)
    seen, read = everything.clone(), everything.clone()
    seen[3], read[4] = False, False
    bags = torch.zeros(ITEMS + 1, dtype=torch.int64)
    tokens = torch.zeros(ITEMS, 0, 0)
    return Content(
        vision=vision * seen[:, None],
        vision_present=seen,
        language=language * read[:, None],
        language_present=read,
        numbers=torch.zeros(ITEMS, 0),
        category_offsets=bags,
        category_values=bags[:0],
        trained=everything,
        vision_tokens=tokens,
        language_tokens=tokens,
    )


@pytest.fixture
def content() -> Content:
    return world()
