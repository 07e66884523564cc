"""What the encoders of pictures and of texts share: a frozen model on its device."""

from typing import Any

import torch
from torch import nn

from fusionrec import params
from fusionrec.encoders import onednn
from fusionrec.encoders.pooling import unit
from fusionrec.errors import UserError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class FrozenEncoder:
    """One encoder, ready for use: no dropout, no gradients, no moving statistics.

    Args:
        tower: takes what `prepare` gives, as keywords, to vectors [n, width].
        entry: whether vectors get length 1.
        options: precision, memory layout, compilation.
        device: where the model is put.
        examples: inputs that show the width.
        width: what the registry says; None where it says nothing.

    Raises:
        UserError: if the width is another.
    """

    def __init__(
        self,
        tower: nn.Module,
        entry: params.Encoder,
        options: params.Cache,
        device: torch.device,
        examples: list[Any],
        width: int | None,
    ):
        tower = onednn.route(tower.eval().requires_grad_(False).to(device), device)
        self.layout = torch.channels_last if options.channels_last else torch.preserve_format
        self.tower = tower.to(memory_format=torch.channels_last) if options.channels_last else tower
        self.normalize, self.precision, self.device = entry.normalize, DTYPES[options.precision], device
        self.width = self.encode(examples).shape[1]
        if width not in (None, self.width):
            raise UserError(
                f"the encoder's vectors have width {self.width}, its entry in params.yaml says {width}"
            )
        if options.compile:
            self.tower.compile()

    def prepare(self, inputs: list[Any]) -> dict[str, torch.Tensor]:
        """n pictures or texts -> what `forward` takes, on the CPU; safe in several threads at a time."""
        raise NotImplementedError

    @torch.inference_mode()
    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """What `prepare` gave -> float32 [n, width] on the CPU.

        Raises:
            UserError: if numbers overflow, as those of fp16 may.
        """
        moved = {name: self._move(tensor) for name, tensor in batch.items()}
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            vectors = self.tower(**moved).float()
        vectors = (unit(vectors) if self.normalize else vectors).cpu()
        if not vectors.isfinite().all():
            raise UserError("the encoder gives no finite numbers; set cache.precision to bf16 or fp32")
        return vectors

    def encode(self, inputs: list[Any]) -> torch.Tensor:
        """n pictures or texts -> float32 [n, width] on the CPU."""
        return self.forward(self.prepare(inputs))

    def padded(self, text: str) -> int:
        """Number of tokens that a text is padded to; 0 for a picture."""
        raise NotImplementedError

    def _move(self, tensor: torch.Tensor) -> torch.Tensor:
        """To the device, without waiting for a GPU."""
        layout = self.layout if tensor.ndim == 4 else torch.preserve_format
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True, memory_format=layout)
