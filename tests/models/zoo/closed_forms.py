"""Small catalogues for models in closed form."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from tests.catalogue import contents

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models import zoo
from fusionrec.models.closed_form import TrainData
from fusionrec.models.contract import ModelData
from fusionrec.models.trained_model import TrainedModel

CATEGORY_VALUES = 4
HISTORIES = [[0, 1, 4], [1, 2], [0, 3, 4, 5], [2, 5], [0, 1, 2, 3], [4]]  # items 6 and 7 have none


def described(items: int = 8, cold: int = 2, seed: int = 0) -> ItemInputs:
    """Items with pictures, texts, numbers and two categories each; the last `cold` ones have no train interaction."""
    draw = np.random.default_rng(seed)
    vision, language, numbers = (
        torch.from_numpy(draw.standard_normal((items, width), np.float32)) for width in (3, 2, 1)
    )
    present = torch.arange(items) != 1  # item 1 has no picture
    return contents(
        items,
        vision=vision * present[:, None],
        vision_present=present,
        language=language,
        numbers=numbers,
        category_offsets=torch.arange(items + 1) * 2,
        category_values=torch.stack([torch.arange(items) % 2, 2 + torch.arange(items) % 3 // 2], 1).flatten(),
        trained=torch.arange(items) < items - cold,
    )


def histories(rows: list[list[int]]) -> Histories:
    """The histories of users, in the order of time."""
    counts = [len(row) for row in rows]
    return Histories(np.cumsum([0, *counts]), np.array([item for row in rows for item in row], np.int64))


def dense(rows: list[list[int]], items: int = 8) -> np.ndarray:
    """float64 [users, items]: the same as a matrix."""
    chosen = np.zeros((len(rows), items))
    for user, row in enumerate(rows):
        chosen[user, row] = 1
    return chosen


def fitted(
    name: str, options: dict[str, Any], content: ItemInputs | None = None, seed: int = 1
) -> TrainedModel:
    """The model `name`, fitted on `HISTORIES` with a single combination of hyper-parameters."""
    content, train = described() if content is None else content, histories(HISTORIES)
    data = ModelData(content, len(train), CATEGORY_VALUES)
    given = zoo.options(name).model_validate(options)
    known = TrainData(pd.DataFrame(), train, seed)
    (model,) = zoo.load(name).fit(given, data, known)  # type: ignore[attr-defined]
    return TrainedModel(model, content)


def scores(model: TrainedModel) -> np.ndarray:
    """float32 [users, items]: what the model says of the users of `HISTORIES`."""
    train = histories(HISTORIES)
    return model.score(np.arange(len(train)), train).numpy()


def features(content: ItemInputs, weights: dict[str, float] | None = None) -> np.ndarray:
    """float64 [items, width]: features by their definition, item by item."""
    hot = np.zeros((len(content.trained), CATEGORY_VALUES))
    for item in range(len(hot)):
        hot[
            item, content.category_values[content.category_offsets[item] : content.category_offsets[item + 1]]
        ] = 1
    everything = np.ones(len(hot), bool)
    parts = {name: (one.vectors.numpy(), one.present.numpy()) for name, one in content.modalities.items()}
    parts |= {"numbers": (content.numbers.numpy(), everything), "categories": (hot, everything)}
    columns = []
    for name, (values, present) in parts.items():
        seen = values[present & content.trained.numpy()].astype(float)
        centred = np.where(present[:, None], values - seen.mean(0), 0)
        lengths = [np.linalg.norm(row - seen.mean(0)) ** 2 for row in seen]
        columns.append(centred / np.sqrt(np.mean(lengths)) * (weights or {}).get(name, 1))
    return np.concatenate(columns, 1)
