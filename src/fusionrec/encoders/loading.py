"""Loading transformers models completely or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
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


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turns what the libraries raise on a damaged or incomplete folder into one `UserError`."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{folder}: cannot be loaded as an encoder in Hugging Face layout: {reason}"
        ) from error


def complete(loader: Any, folder: Path, unused: tuple[str, ...] = ()) -> nn.Module:
    """`loader.from_pretrained`, safetensors only and without remote code, that refuses gaps.

    Args:
        loader: a transformers (auto) model class.
        folder: a folder in Hugging Face layout.
        unused: beginnings of the names of tensors that may be missing, because no vector depends on them.

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
    missing = [name for name in report["missing_keys"] if not name.startswith(unused)]
    wrong = sorted(map(str, [*missing, *unexpected, *report["mismatched_keys"]]))
    if wrong:
        raise UserError(
            f"{folder}: the weights do not fit config.json, first tensors: {', '.join(wrong[:3])}"
        )
    return model
