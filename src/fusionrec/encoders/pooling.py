"""From hidden states to one vector, and to a few token vectors."""

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


def segments(states: torch.Tensor, mask: torch.Tensor, count: int) -> torch.Tensor:
    """Real tokens pooled to `count` segments, as `torch.nn.AdaptiveAvgPool1d` does.

    Segment i is the mean over tokens floor(i * length / count) to ceil((i + 1) * length / count) - 1; if a
    sequence is shorter than `count`, segments repeat.

    Args:
        states: [n, tokens, width].
        mask: [n, tokens], 1 at real tokens, which come first.
        count: of segments; 0: none.

    Returns:
        float32 [n, count, width].
    """
    place, length = torch.arange(states.shape[1], device=mask.device), mask.long().sum(1, keepdim=True)
    means = []
    for i in range(count):
        first, end = i * length // count, -(-(i + 1) * length // count)
        means.append(masked_mean(states, (first <= place) & (place < end)))
    return torch.stack(means, 1) if means else states.new_zeros((len(states), 0, states.shape[2])).float()


def sequence(states: torch.Tensor) -> torch.Tensor:
    """[n, tokens, width]; the map of a convolution, [n, width, rows, columns], is read row by row."""
    return states.flatten(2).transpose(1, 2) if states.ndim == 4 else states


def unit(vectors: torch.Tensor) -> torch.Tensor:
    """float32 [n, width]: rows scaled to length 1; the root is taken in double, which every CPU rounds alike."""
    length = vectors.double().square().sum(1, keepdim=True).sqrt().clamp(min=1e-12)
    return (vectors.double() / length).float()


class Pooled(nn.Module):
    """A transformers model and its pooling: from inputs to vectors and tokens.

    - cls: the first token's state in hidden layer `layer`.
    - mean: the mean over the states of that layer: of real tokens, or of all positions of a picture.
    - pooled: the model's own pooled output.
    - projected: the output of `project`, in the space that pictures and texts share (CLIP).

    Tokens are the states of that layer, as wide as the model's hidden states, pooled to segments: of the real
    tokens of a text, of a picture's patches (without class token and registers), or of its map.

    Args:
        model: a transformers model.
        project: its `get_image_features` or `get_text_features` if `pooling` is projected, else None.
        pooling: one of the four.
        layer: -1 is the last.
        tokens: number of segments.
    """

    def __init__(self, model: nn.Module, project: Any, pooling: str, layer: int, tokens: int):
        super().__init__()
        self.model, self.project, self.pooling, self.layer = model, project, pooling, layer
        self.tokens = tokens

    def forward(self, **inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The model's own inputs -> [n, width] and [n, tokens, width of a token].

        Raises:
            UserError: if the model has no output or layer as `pooling` and `layer` name it.
        """
        if self.pooling in ("pooled", "projected"):
            output = (self.project or self.model)(**inputs)
            if getattr(output, "pooler_output", None) is None:
                raise UserError("the model has no pooled output; set its entry's pooling to cls or mean")
            return output.pooler_output.flatten(1), self._segments(sequence(output.last_hidden_state), inputs)
        states = self._states(inputs)
        vectors = states[:, 0] if self.pooling == "cls" else masked_mean(states, _real(states, inputs))
        return vectors, self._segments(states, inputs)

    def _segments(self, states: torch.Tensor, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """[n, `self.tokens`, width]; a picture's class token and registers come first and are left out."""
        if "pixel_values" in inputs:
            config: Any = self.model.config
            edges = getattr(getattr(config, "vision_config", config), "patch_size", 1)
            rows, columns = (edges, edges) if isinstance(edges, int) else edges
            height, width = inputs["pixel_values"].shape[2:]
            # a map is smaller than the grid of the first patches
            states = states[:, max(0, states.shape[1] - (height // rows) * (width // columns)) :]
        return segments(states, _real(states, inputs), self.tokens)

    def _states(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """[n, tokens, width] of the layer; a convolution's map has no first token."""
        if self.layer == -1:
            states = self.model(**inputs).last_hidden_state
        else:
            layers = self.model(**inputs, output_hidden_states=True).hidden_states
            if not -len(layers) <= self.layer < len(layers):
                raise UserError(f"layer {self.layer}: the model's hidden layers are 0 to {len(layers) - 1}")
            states = layers[self.layer]
        if states.ndim == 4 and self.pooling == "cls":
            raise UserError(NO_CLASS_TOKEN)
        return sequence(states)


def _real(states: torch.Tensor, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """[n, tokens]: 1 where there is no padding; pictures have none."""
    return inputs.get("attention_mask", torch.ones_like(states[:, :, 0]))
