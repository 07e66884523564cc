"""The interface of encoders, of pictures and of texts."""

from typing import Any, Protocol

import torch


class Encoder(Protocol):
    """The common interface of vision and language encoders."""

    width: int
    token_width: int

    def prepare(self, inputs: list[Any]) -> dict[str, torch.Tensor]:
        """n pictures or texts -> a batch; may be called in several threads at once."""
        ...

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """A batch -> float32 [n, width + tokens * token_width] on the CPU: the vector, then the tokens."""
        ...

    def encode(self, inputs: list[Any]) -> torch.Tensor:
        """n pictures or texts -> the result of `forward`."""
        ...

    def padded(self, text: str) -> int:
        """The number of tokens to which a text is padded; a batch is padded to its largest one."""
        ...
