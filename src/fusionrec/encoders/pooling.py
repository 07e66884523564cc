"""From hidden states to one vector."""

from typing import Any

import torch
from torch import nn

from fusionrec.errors import UserError

NO_CLASS_TOKEN = "the model has no class token; set its entry's pooling to pooled or mean"


def masked_mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over real tokens only (Reimers and Gurevych, "Sentence-BERT", EMNLP 2019).

    Args:
        states: [n, tokens, width].
        mask: [n, tokens], 1 at real tokens.

    Returns:
        float32 [n, width].
    """
    weights = mask[:, :, None].float()
    return (states.float() * weights).sum(1) / weights.sum(1).clamp(min=1)


def unit(vectors: torch.Tensor) -> torch.Tensor:
    """Rows scaled to length 1; the root is taken in double, where every CPU rounds it alike."""
    length = vectors.double().square().sum(1, keepdim=True).sqrt().clamp(min=1e-12)
    return (vectors.double() / length).float()


class Pooled(nn.Module):
    """A transformers model and its pooling: inputs to vectors [n, width].

    - cls: the first token's state in hidden layer `layer`.
    - mean: the mean over the states of that layer: of real tokens, or of all places of a picture.
    - pooled: what the model itself pools.
    - projected: what `project` gives, in the space that pictures and texts share (CLIP).

    Args:
        model: a transformers model.
        project: its `get_image_features` or `get_text_features`, where `pooling` is projected.
        pooling: one of the four.
        layer: -1 is the last.
    """

    def __init__(self, model: nn.Module, project: Any, pooling: str, layer: int):
        super().__init__()
        self.model, self.project, self.pooling, self.layer = model, project, pooling, layer

    def forward(self, **inputs: torch.Tensor) -> torch.Tensor:
        """The model's own inputs -> [n, width].

        Raises:
            UserError: if the model has nothing of the kind that `pooling` or `layer` names.
        """
        if self.pooling in ("pooled", "projected"):
            output = (self.project or self.model)(**inputs)
            if getattr(output, "pooler_output", None) is None:
                raise UserError("the model pools nothing itself; set its entry's pooling to cls or mean")
            return output.pooler_output.flatten(1)
        states = self._states(inputs)
        if self.pooling == "mean":
            mask = inputs.get("attention_mask", torch.ones_like(states[:, :, 0]))
            return masked_mean(states, mask)
        return states[:, 0]

    def _states(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """[n, tokens, width] of the layer; a convolution's map [n, width, height, width] has no first token."""
        if self.layer == -1:
            states = self.model(**inputs).last_hidden_state
        else:
            layers = self.model(**inputs, output_hidden_states=True).hidden_states
            if not -len(layers) <= self.layer < len(layers):
                raise UserError(f"layer {self.layer}: the model's hidden layers are 0 to {len(layers) - 1}")
            states = layers[self.layer]
        if states.ndim == 4:
            if self.pooling == "cls":
                raise UserError(NO_CLASS_TOKEN)
            states = states.flatten(2).transpose(1, 2)
        return states
