"""Encoders that are trained with the model.

A table holds the vectors of all items. In each step some of the targets are encoded again, with a gradient and
from augmented inputs, and replace their rows; after each epoch the encoder computes the whole table again. The
model, the losses and ranking see the table only, whether an encoder is trained or not.

Normalisation statistics stay fixed, and there is no dropout inside an encoder: a step sees too few items to
estimate the former, and vectors with a gradient must equal those in the table. Augmentation keeps an encoder
from memorising its items.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fusionrec import files, runtime
from fusionrec.data.reduction import Reduction, fit_reduction
from fusionrec.encoders import augment, blocks, cache, loading, lora, weights
from fusionrec.encoders.inputs import Inputs
from fusionrec.encoders.options import EncoderEntry
from fusionrec.encoders.pooling import unit
from fusionrec.encoders.recipe import Recipe
from fusionrec.errors import UserError
from fusionrec.training.live_items import Live
from fusionrec.training.options import Finetune
from fusionrec.training.parameters import Parameters

REDUCTION = "reduction.safetensors"
PARTS = {"vision": "vision_model", "language": "text_model"}  # in models of pictures and texts


class Trainable(nn.Module):
    """An encoder that is trained, and its table.

    Args:
        recipe: the encoder and its initial weights. `cache.views`, `cache.tokens` and
            `cache.compile` are not used here.
        inputs: pictures or texts of all items, at least one.
        options: what is trained.
        generator: draws the adapters, on the CPU.
        reduction: from the encoder's vectors to those of the table; it stays fixed. None: it is fitted on the
            initial vectors of train items.
        trained: bool [items], which are train items.
        components: see `fusionrec.data.item_inputs.fit_vectors`.

    Attributes:
        table: float32 [items, components], vectors of all items, zero where absent; on the CPU.
    """

    def __init__(
        self,
        recipe: Recipe,
        inputs: Inputs,
        options: Finetune,
        generator: torch.Generator,
        reduction: Reduction | None,
        trained: np.ndarray,
        components: int,
    ):
        super().__init__()
        plain = recipe.options.model_copy(update={"views": 0, "tokens": 0, "compile": False})
        self.recipe, self.inputs, self.options = recipe._replace(options=plain), inputs, options
        self.encoder = self.recipe.load_trainable()
        self.tower = self.encoder.tower
        self.number, self.first = inputs.distinct()
        self.present = self.number >= 0
        vectors = self._vectors()
        self.reduction = reduction or fit_reduction(vectors[self.present & trained], components)
        self.on_device = self.reduction.to(self.encoder.device)
        self.table = self._reduced(vectors)
        self._unfreeze(generator)

    def train(self, mode: bool = True) -> "Trainable":
        """Changes nothing: statistics stay fixed, and there is no dropout."""
        return self

    def draw(self, items: torch.Tensor, draws: np.random.Generator) -> Live:
        """Up to `finetune.items` of `items` (int64 [n], distinct), augmented; `draws` draws everything."""
        there = items.numpy()[self.present[items.numpy()]]
        rows = draws.permutation(there)[: self.options.items]
        changed = [self._augmented(original, draws) for original in self._read(rows)]
        return Live(torch.from_numpy(rows), self.encoder.prepare(changed) if changed else {})

    @torch.compiler.disable
    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """What was prepared -> float32 [n, components], on the device and with a gradient."""
        vectors = self.tower(**self.encoder.moved(batch))[0].float()
        if self.encoder.normalize:
            vectors = unit(vectors)
        return self.on_device.apply(vectors)

    def renew(self) -> None:
        """Encode the whole table again, with the encoder as it is now and without augmentation."""
        self.table = self._reduced(self._vectors())

    def _vectors(self) -> np.ndarray:
        """float32 [items, width], anything for absent ones; equal inputs are encoded once."""
        vectors = np.zeros((len(self.number), self.encoder.width), np.float32)
        rows, length = self.inputs.rows(self.first), self.recipe.options.batch
        for batch in cache.batches(rows, length, lambda row: self.encoder.padded(row[0])):
            items, some = zip(*batch, strict=True)
            vectors[list(items)] = self.encoder.encode(self.inputs.read(list(some))).numpy()
        return vectors[self.first[self.number]]

    def _reduced(self, vectors: np.ndarray) -> torch.Tensor:
        return self.reduction.apply(torch.from_numpy(vectors)) * torch.from_numpy(self.present)[:, None]

    def _unfreeze(self, generator: torch.Generator) -> None:
        example = self.encoder.moved(self.encoder.prepare(self._read(self.first[:1])))
        part = blocks.last(self.tower, example, self.options.blocks)
        if self.options.gradient_checkpointing:
            blocks.recompute(part.blocks)
        learned = part.weights
        if self.options.lora_rank:
            learned = lora.attach(self.tower, part, self.options.lora_rank, generator)
        self.tower.requires_grad_(False)
        for weight in learned.values():
            weight.requires_grad_(True)

    def _read(self, items: np.ndarray) -> list[Any]:
        return self.inputs.read([row for _, row in self.inputs.rows(items)])

    def _augmented(self, original: Any, draws: np.random.Generator) -> Any:
        if self.recipe.modality == "vision":
            from fusionrec.encoders import pixels  # imports torchvision

            return augment.picture(pixels.decode(original), self.recipe.options.vision, draws)
        return augment.text(original, self.recipe.options.language, draws)


def load(
    p: Parameters, modality: str, inputs: Inputs, trained: np.ndarray, device: torch.device
) -> Trainable | None:
    """The encoder of a modality; None where it is frozen or switched off, or no train item has an input.

    With `train.resume_from` training continues from the encoder that is saved there.

    Args:
        p: all parameters.
        modality: vision or language.
        inputs: pictures or texts of all items.
        trained: bool [items], whether the item has a train interaction.
        device: where to train.

    Raises:
        UserError: if the weights cannot be obtained or do not fit, `train.finetune` asks for something that the
            encoder does not have, or the precision is not possible on the device.
    """
    name = getattr(p.model, modality)
    entry: EncoderEntry | None = getattr(p.encoders, modality)[name]
    there = np.array([key is not None for key in inputs.keys])
    if entry is None or getattr(p.model, f"freeze_{modality}") or not (there & trained).any():
        return None
    runtime.check_precision("cache", p.cache, device, p.runtime.reproducible)
    tuned = Path(p.train.resume_from or "") / modality
    if p.train.resume_from and tuned.is_dir():
        folder, source, reduction = tuned, {}, _read_reduction(tuned)
    else:
        folder = weights.locate(name, entry, p.encoders)
        source, reduction = weights.source(folder, entry, p.encoders), None
    recipe = Recipe(modality, entry, folder, source, p.cache, str(device), p.runtime.reproducible)
    generator = torch.Generator().manual_seed(p.train.seed)
    return Trainable(recipe, inputs, p.train.finetune, generator, reduction, trained, p.model.pca)


def save(folder: Path, encoder: Trainable) -> None:
    """Write the encoder as a folder that `encoders.weights: local` can load, adapters merged.

    The folder also has `reduction.safetensors`, which maps its vectors to those of the model.
    """
    recipe = encoder.recipe
    folder.mkdir(parents=True)
    for path in sorted({path for pattern in weights.PATTERNS for path in recipe.folder.glob(pattern)}):
        if not path.name.startswith("model.safetensors"):
            shutil.copyfile(path, folder / path.name)
    tuned = lora.merged(encoder.tower.get_submodule("model"))
    whole = loading.tensors(recipe.folder, recipe.entry)
    part = "" if tuned.keys() & whole.keys() else f"{PARTS[recipe.modality]}."
    replaced = {part + name: tensor for name, tensor in tuned.items() if part + name in whole}
    files.write_tensors(folder / "model.safetensors", whole | replaced)
    reduction = {name: x for name, x in encoder.reduction._asdict().items() if x is not None}
    files.write_tensors(folder / REDUCTION, reduction)


def _read_reduction(folder: Path) -> Reduction:
    try:
        tensors = files.read_tensors(folder / REDUCTION)
    except FileNotFoundError:
        raise UserError(
            f"{folder / REDUCTION} not found; set train.resume_from to a complete model"
        ) from None
    return Reduction(tensors["mean"], tensors.get("basis"), tensors["scale"])
