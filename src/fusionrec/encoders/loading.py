"""Loading transformers models completely or not at all."""

from pathlib import Path
from typing import Any

from torch import nn

from fusionrec.errors import UserError

# Tensors that a checkpoint may hold beyond the encoder: heads and the other tower.
OTHER_PARTS = (
    "classifier.",
    "cls.",
    "lm_head.",
    "text_model.",
    "text_projection",
    "visual_projection",
    "logit_scale",
)


def complete(loader: Any, folder: Path) -> nn.Module:
    """`loader.from_pretrained`, safetensors only and without remote code, that refuses gaps.

    Args:
        loader: a transformers (auto) model class.
        folder: a folder in Hugging Face layout.

    Raises:
        UserError: if a tensor of the encoder is missing, misshapen, or unknown to it.
    """
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    model, report = loader.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, output_loading_info=True
    )
    unexpected = [name for name in report["unexpected_keys"] if not name.startswith(OTHER_PARTS)]
    missing = [name for name in report["missing_keys"] if not name.startswith("pooler.")]
    wrong = sorted(map(str, [*missing, *unexpected, *report["mismatched_keys"]]))
    if wrong:
        raise UserError(
            f"{folder}: the weights do not fit config.json, first tensors: {', '.join(wrong[:3])}"
        )
    return model
