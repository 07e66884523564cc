"""What the encoders of pictures and of texts share: a frozen model on its device."""

from typing import Any

import torch
from torch import nn

from fusionrec.encoders import onednn
from fusionrec.encoders.options import Cache, EncoderEntry
from fusionrec.encoders.pooling import unit
from fusionrec.errors import UserError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class FrozenEncoder:
    """One encoder, ready for use: no dropout, no gradients, no moving statistics.

    Args:
        tower: takes what `prepare` gives, as keywords, to vectors [n, width] and tokens [n, tokens, width].
        entry: whether vectors get length 1; tokens keep theirs.
        options: precision, memory layout, compilation.
        device: where the model is put.
        examples: inputs that show the width.
        width: what the registry says; None where it says nothing.

    Attributes:
        width: of a vector.
        token_width: of a token.

    Raises:
        UserError: if the width is another.
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
        tower = onednn.route(tower.eval().requires_grad_(False).to(device), device)
        self.layout = torch.channels_last if options.channels_last else torch.preserve_format
        self.tower = tower.to(memory_format=torch.channels_last) if options.channels_last else tower
        self.normalize, self.precision, self.device = entry.normalize, DTYPES[options.precision], device
        vectors, tokens = self._run(self.prepare(examples))
        self.width, self.token_width = vectors.shape[1], tokens.shape[2]
        if width not in (None, self.width):
            raise UserError(
                f"the encoder's vectors have width {self.width}, its entry in params.yaml says {width}"
            )
        if options.compile:
            self.tower.compile()

    def prepare(self, inputs: list[Any]) -> dict[str, torch.Tensor]:
        """n pictures or texts -> what `forward` takes; safe in several threads at a time."""
        raise NotImplementedError

    @torch.inference_mode()
    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """What `prepare` gave -> float32 [n, width + tokens * width of a token] on the CPU: vector, tokens.

        Raises:
            UserError: if numbers overflow, as those of fp16 may.
        """
        vectors, tokens = self._run(batch)
        found = torch.cat([vectors, tokens.flatten(1)], 1).cpu()
        if not found.isfinite().all():
            raise UserError("the encoder gives no finite numbers; set cache.precision to bf16 or fp32")
        return found

    def encode(self, inputs: list[Any]) -> torch.Tensor:
        """n pictures or texts -> what `forward` gives."""
        return self.forward(self.prepare(inputs))

    def padded(self, text: str) -> int:
        """Number of tokens that a text is padded to; 0 for a picture."""
        raise NotImplementedError

    @torch.inference_mode()
    def _run(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """What `prepare` gave -> float32 [n, width] and [n, tokens, width of a token] on the device."""
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            vectors, tokens = self.tower(**self.moved(batch))
        return (unit(vectors.float()) if self.normalize else vectors.float()), tokens

    def moved(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What `prepare` gave, on the device."""
        return {name: self._move(tensor) for name, tensor in batch.items()}

    def _move(self, tensor: torch.Tensor) -> torch.Tensor:
        """To the device, without waiting for a GPU."""
        layout = self.layout if tensor.ndim == 4 else torch.preserve_format
        if self.device.type == "cuda" and tensor.device.type == "cpu":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True, memory_format=layout)
