"""Ablation: how much accuracy a model loses without one of its inputs, or with the input of other items instead.

Nothing is retrained. The loss measures how much this model relies on the input, not how informative the input is: a
model that is trained without it may get the same information from other inputs.
"""

from typing import Any, Literal

import torch

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.data.modalities import MODALITIES
from fusionrec.evaluation import intervals, report
from fusionrec.evaluation.metrics import accuracy
from fusionrec.evaluation.protocol import Task, rank
from fusionrec.models.trained_model import TrainedModel

How = Literal["absent", "shuffled"]
WAYS: tuple[How, ...] = ("absent", "shuffled")
INPUTS = (*MODALITIES, "numbers", "categories", "id")


def of_inputs(
    trained: TrainedModel, whole: report.Result, task: Task, headline: list[str], seed: int
) -> dict[str, Any]:
    """How much the headline metrics lose without each input of the items.

    Args:
        trained: the model with all inputs.
        whole: its result.
        task: the evaluation.
        headline: accuracy metrics, such as ndcg@10.
        seed: of the shuffling.

    Returns:
        {input: {absent or shuffled: {metric: {value, loss, low, high}}}}, losses paired by user, ends None if too
        few users decide the loss; empty for a model without inputs.
    """
    ks = sorted({int(name.partition("@")[2]) for name in headline})
    losses: dict[str, Any] = {}
    for modality in modalities(trained):
        losses[modality] = {}
        for how in WAYS:
            without = ablate(trained, modality, how, torch.Generator().manual_seed(seed))
            result = report.evaluate(rank(without, task, max(ks)).items, task, ks, [accuracy.measure])
            losses[modality][how] = _losses(whole, result, headline)
    return losses


def _losses(whole: report.Result, without: report.Result, headline: list[str]) -> dict[str, Any]:
    """How much a result loses against `whole`, paired by user: {metric: {value, loss, low, high}}."""
    columns = {m: whole.per_user[m] - without.per_user[m] for m in headline}
    return {
        metric: {
            "value": without.summary[metric],
            "loss": ends["mean"],
            "low": ends["low"],
            "high": ends["high"],
        }
        for metric, ends in intervals.by_name(columns).items()
    }


def modalities(trained: TrainedModel) -> list[str]:
    """Which inputs of the items the model has, in the order of `INPUTS`."""
    inputs = trained.model.inputs()
    return [name for name in INPUTS if name in inputs]


def ablate(trained: TrainedModel, modality: str, how: How, generator: torch.Generator) -> TrainedModel:
    """The model with a catalogue without `modality`, both as candidates and in histories.

    Args:
        trained: is not changed.
        modality: one of `modalities`.
        how: absent: no item has it; numbers are replaced by the mean of the train items, and an item without id is
            treated as one without a train interaction. shuffled: each item has that of another item (Breiman,
            "Random Forests", 2001), which keeps the distribution of inputs.
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
        content = _with(content, modality, content.take(order))
        model = model.with_ids(order) if modality == "id" else model
    return TrainedModel(model, content, trained.item_ids, trained.user_ids)


def _with(content: ItemInputs, modality: str, others: ItemInputs) -> ItemInputs:
    """`content` with one input of `others`."""
    if modality in MODALITIES:
        return content.with_modality(modality, **others.modalities[modality]._asdict())
    fields = {"categories": ("category_offsets", "category_values"), "id": ("trained",)}
    return content._replace(**{name: getattr(others, name) for name in fields.get(modality, (modality,))})


def _absent(content: ItemInputs, modality: str) -> ItemInputs:
    if modality in MODALITIES:
        one = content.modalities[modality]
        return content.with_modality(
            modality, **{name: torch.zeros_like(x) for name, x in one._asdict().items()}
        )
    if modality == "numbers":
        mean = content.numbers[content.trained].double().mean(0).float()
        return content._replace(numbers=mean.expand_as(content.numbers).contiguous())
    if modality == "id":
        return content._replace(trained=torch.zeros_like(content.trained))
    nothing = torch.zeros_like(content.category_offsets), content.category_values[:0]
    return content._replace(category_offsets=nothing[0], category_values=nothing[1])
