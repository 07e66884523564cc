"""What a modality is worth: the trained model without it, or with that of other items in its place.

Nothing is trained anew. What a metric loses is what the model makes of the input, not what the input could
say: a model that was trained without it may make up for it with another.
"""

from copy import deepcopy
from typing import Literal

import torch

from fusionrec.data.content import Content
from fusionrec.models.two_towers import FusionModel, TrainedModel

FIELDS = {
    "vision": ("vision", "vision_present", "vision_tokens"),
    "language": ("language", "language_present", "language_tokens"),
    "numbers": ("numbers",),
    "categories": ("category_offsets", "category_values"),
    "id": ("trained",),
}


def modalities(trained: TrainedModel) -> list[str]:
    """Which inputs of the items the model has."""
    encoder = trained.model.candidates
    return [name for name in FIELDS if getattr(encoder, "ids" if name == "id" else name) is not None]


def knock_out(
    trained: TrainedModel, modality: str, how: Literal["absent", "shuffled"], generator: torch.Generator
) -> TrainedModel:
    """The model with a catalogue that lacks `modality`, as candidates and in histories.

    Args:
        trained: stays as it is.
        modality: one of `modalities`.
        how: absent: no item has it; numbers are the mean of the train items, an item without id is one that
            train lacks. shuffled: each item has that of another (Breiman, "Random Forests", 2001), which
            leaves the distribution of inputs as it was.
        generator: draws the permutation of the items.

    Raises:
        ValueError: if the model has no such input.
    """
    if modality not in modalities(trained):
        raise ValueError(f"the model has no {modality}; it has {', '.join(modalities(trained))}")
    content, model = trained.content, trained.model
    if how == "absent":
        content = _absent(content, modality)
    else:
        order = torch.randperm(len(content.trained), generator=generator).to(trained.device)
        others = content.take(order)
        content = content._replace(**{field: getattr(others, field) for field in FIELDS[modality]})
        model = _with_ids(model, order) if modality == "id" else model
    return TrainedModel(model, content, trained.item_ids, trained.user_ids)


def _absent(content: Content, modality: str) -> Content:
    if modality == "numbers":
        mean = content.numbers[content.trained].double().mean(0).float()
        return content._replace(numbers=mean.expand_as(content.numbers).contiguous())
    empty = {field: torch.zeros_like(getattr(content, field)) for field in FIELDS[modality]}
    if modality == "categories":
        empty["category_values"] = content.category_values[:0]
    return content._replace(**empty)


@torch.no_grad()
def _with_ids(model: FusionModel, order: torch.Tensor) -> FusionModel:
    """A copy in which item i has the embeddings and the bias of item order[i]."""
    model = deepcopy(model)
    tables = [encoder.ids.weight for encoder in (model.candidates, model.history) if encoder and encoder.ids]
    for table in [*tables, *([] if model.item_bias is None else [model.item_bias])]:
        table.copy_(table[order])
    return model
