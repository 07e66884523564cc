"""The common base of picture and text encoders: a frozen model on its device."""

from typing import Any

import torch
from torch import nn

from fusionrec import runtime
from fusionrec.encoders import folding, onednn
from fusionrec.encoders.options import Cache, EncoderEntry
from fusionrec.encoders.pooling import unit
from fusionrec.errors import UserError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class FrozenEncoder:
    """One encoder, ready for use: no dropout, no gradients, no moving statistics.

    Args:
        tower: maps what `prepare` gives (as keyword arguments) to vectors [n, width] and tokens
            [n, tokens, width of a token].
        entry: says whether vectors are scaled to length 1; tokens are not.
        options: precision, memory layout, compilation.
        device: the model is moved to it.
        examples: inputs that are encoded once, to learn the widths.
        width: what the registry says; None if it says nothing.

    Attributes:
        width: of a vector.
        token_width: of a token.

    Raises:
        UserError: if the vectors do not have `width`.
    """

    def __init__(
        self,
        tower: nn.Module,
        entry: EncoderEntry,
        options: Cache,
        device: torch.device,
        examples: list[Any],
        width: int | None,
    ):
        tower = tower.eval().requires_grad_(False).to(device)
        self.on_onednn = device.type == "cpu" and options.precision == "fp32" and not options.compile
        if self.on_onednn:
            tower = onednn.route(tower)
        self.layout = torch.channels_last if options.channels_last else torch.preserve_format
        self.tower = tower.to(memory_format=torch.channels_last) if options.channels_last else tower
        self.normalize, self.precision, self.device = entry.normalize, DTYPES[options.precision], device
        self.example = self.prepare(examples)
        vectors, tokens = self._run(self.example)
        self.width, self.token_width = vectors.shape[1], tokens.shape[2]
        if width not in (None, self.width):
            raise UserError(
                f"the encoder's vectors have width {self.width}, its entry in params.yaml says {width}"
            )
        if options.compile:
            runtime.compile(self.tower)

    def fold(self) -> None:
        """Fold batch norm into convolutions, where that is faster; afterwards the tower cannot be trained."""
        if self.on_onednn:
            folding.fold(self.tower, lambda: self.tower(**self.moved(self.example))[0])

    def prepare(self, inputs: list[Any]) -> dict[str, torch.Tensor]:
        """n pictures or texts -> the input of `forward`; may be called in several threads at once."""
        raise NotImplementedError

    @torch.inference_mode()
    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The result of `prepare` -> float32 [n, width + tokens * width of a token] on the CPU: vector, then tokens.

        Raises:
            UserError: if numbers overflow, as fp16 may.
        """
        vectors, tokens = self._run(batch)
        rows = torch.cat([vectors, tokens.flatten(1)], 1).cpu()
        if not rows.isfinite().all():
            raise UserError("the encoder's vectors are not finite; set cache.precision to bf16 or fp32")
        return rows

    def encode(self, inputs: list[Any]) -> torch.Tensor:
        """n pictures or texts -> float32 [n, width + tokens * width of a token] on the CPU; see `forward`."""
        return self.forward(self.prepare(inputs))

    def padded(self, text: str) -> int:
        """Number of tokens that a text is padded to; 0 for a picture."""
        raise NotImplementedError

    @torch.inference_mode()
    def _run(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """The result of `prepare` -> float32 [n, width] and [n, tokens, width of a token] on the device."""
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            vectors, tokens = self.tower(**self.moved(batch))
        return (unit(vectors.float()) if self.normalize else vectors.float()), tokens

    def moved(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The result of `prepare`, on the device."""
        return {name: self._move(tensor) for name, tensor in batch.items()}

    def _move(self, tensor: torch.Tensor) -> torch.Tensor:
        """Copy to the device, without waiting for a GPU."""
        layout = self.layout if tensor.ndim == 4 else torch.preserve_format
        if self.device.type == "cuda" and tensor.device.type == "cpu":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True, memory_format=layout)
