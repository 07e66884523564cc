"""A small catalogue that every model test shares."""

from collections.abc import Callable

import pytest
import torch

from fusionrec import params
from fusionrec.data.content import Content

ITEMS, USERS, CATEGORY_VALUES = 6, 4, 3


@pytest.fixture
def options() -> params.Model:
    return params.Model(
        vision="v", language="l", item_id=True, categories=True, numbers=True, user="history", dim=8, pca=0,
        fusion="concatenate", id_dropout=0.5, content_dropout=0.5, feature_dropout=0.5, history_dropout=0.5,
        max_history=5,
    )  # fmt: skip


@pytest.fixture
def content() -> Content:
    draw = torch.Generator().manual_seed(0)
    return Content(
        vision=torch.randn(ITEMS, 5, generator=draw),
        vision_present=torch.tensor([True, True, False, True, True, True]),
        language=torch.randn(ITEMS, 4, generator=draw),
        language_present=torch.tensor([True, True, True, False, True, True]),
        numbers=torch.randn(ITEMS, 2, generator=draw),
        category_offsets=torch.tensor([0, 2, 2, 3, 4, 4, 5]),
        category_values=torch.tensor([0, 2, 1, 1, 0]),
        trained=torch.tensor([True, True, True, True, True, False]),
    )


@pytest.fixture
def generator() -> Callable[[], torch.Generator]:
    return lambda: torch.Generator().manual_seed(1)
