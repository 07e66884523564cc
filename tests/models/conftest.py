"""A small catalogue that every model test shares."""

from collections.abc import Callable

import pytest
import torch
from tests.catalogue import contents

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.fusion.new_items import Regression
from fusionrec.models.fusion.options import UNUSED, FusionOptions

ITEMS, USERS, CATEGORY_VALUES = 6, 4, 3


@pytest.fixture
def options() -> FusionOptions:
    return FusionOptions(
        item_id=True, categories=True, numbers=True,
        user="history", history="sum", max_history=5,
        dim=8, projection_hidden_dim=0,
        method="concatenate", fusion_weight=0.7, num_attention_heads=2, attention_dropout=0.5,
        head="dot", fusion_hidden_dims=[6, 3], activation="relu", batch_norm=False, dropout=0.5,
        final_activation="none", init="xavier_uniform", projection_gain=0.1,
        id_dropout=0.5, content_dropout=0.5, feature_dropout=0.5, history_dropout=0.5,
        losses={"softmax": 1.0}, temperature=0.1,
        new_items="tower", exploration=0.0, regression=Regression.model_validate(UNUSED),
    )  # fmt: skip


@pytest.fixture
def content() -> ItemInputs:
    draw = torch.Generator().manual_seed(0)
    return contents(
        ITEMS,
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
def with_tokens(content: ItemInputs) -> ItemInputs:
    """The same with three tokens a picture and two a text; item 1's text has one."""
    draw = torch.Generator().manual_seed(9)
    vision = torch.randn(ITEMS, 3, 5, generator=draw) * content.modalities["vision"].present[:, None, None]
    language = (
        torch.randn(ITEMS, 2, 4, generator=draw) * content.modalities["language"].present[:, None, None]
    )
    language[1, 1] = 0
    return content.with_modality("vision", tokens=vision).with_modality("language", tokens=language)


@pytest.fixture
def generator() -> Callable[[], torch.Generator]:
    return lambda: torch.Generator().manual_seed(1)
