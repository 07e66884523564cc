"""Loading of transformers models: completely, or not at all."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from fusionrec import files
from fusionrec.encoders.options import EncoderEntry
from fusionrec.encoders.pooling import Pooled
from fusionrec.errors import UserError

HEADS = ("classifier.", "cls.", "lm_head.")  # what a checkpoint may have in addition to the encoder


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn the exceptions of libraries about a damaged or incomplete folder into one `UserError`.

    Raises:
        UserError: in place of the exception.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise UserError(
            f"{folder}: cannot be loaded as an encoder in Hugging Face layout: {reason}"
        ) from error


def tower(folder: Path, entry: EncoderEntry, tokens: int, mine: str, other: str, project: str) -> Pooled:
    """A transformers model with its pooling; the part `mine` of a model for both pictures and texts.

    Args:
        folder: a folder in Hugging Face layout.
        entry: pooling and layer.
        tokens: number of token vectors.
        mine: name of the part in a model for both: vision_model or text_model.
        other: name of the other part, which is loaded for the check of tensors only.
        project: name of the method that maps into the space that pictures and texts share.

    Raises:
        UserError: if a tensor of the encoder is missing, unexpected or has another shape; or if `pooling` is
            projected and the model has no such space.
    """
    model = _complete(folder, _unused(entry))
    if entry.pooling != "projected":
        return Pooled(getattr(model, mine, model), None, entry.pooling, entry.layer, tokens)
    if not hasattr(model, project):
        raise UserError(f"{folder}: has no projection; pooling: projected needs a model such as CLIP")
    delattr(model, other)
    return Pooled(model, getattr(model, project), entry.pooling, entry.layer, tokens)


def tensors(folder: Path, entry: EncoderEntry) -> dict[str, torch.Tensor]:
    """All tensors of the model in `folder` under the names by which it loads them, without unused ones.

    Raises:
        UserError: see `tower`.
    """
    if entry.library == "timm":
        return files.read_tensors(folder / "model.safetensors")
    state = _complete(folder, _unused(entry)).state_dict()
    return {name: tensor for name, tensor in state.items() if not name.startswith(_unused(entry))}


def _unused(entry: EncoderEntry) -> tuple[str, ...]:
    """Prefixes of names of tensors on which no vector depends; a checkpoint may lack them."""
    return () if entry.pooling == "pooled" else ("pooler.",)


def _complete(folder: Path, unused: tuple[str, ...]) -> Any:
    """The transformers model in `folder`, in float32 whatever the precision of the file.

    Only safetensors are read, and no remote code. No tensor may be missing, except those whose names begin with
    `unused`, because no vector depends on them.
    """
    from transformers import AutoModel

    quiet()
    model, report = AutoModel.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        dtype=torch.float32,
        output_loading_info=True,
    )
    unexpected = [name for name in report["unexpected_keys"] if not name.startswith(HEADS)]
    missing = [name for name in report["missing_keys"] if not name.startswith(unused)]
    refuse(folder, [*missing, *unexpected])
    return model


@contextmanager
def without(package: str) -> Iterator[None]:
    """Imports find no `package`, unless it is imported already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]


def quiet() -> None:
    """Switch off progress bars and warnings of transformers: real problems are exceptions."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def refuse(folder: Path, tensors: list[str]) -> None:
    """Refuse a model with missing or unexpected `tensors`.

    Raises:
        UserError: with the names of the first three, if there are any.
    """
    if tensors:
        raise UserError(
            f"{folder}: the weights do not fit config.json, first tensors: {', '.join(sorted(tensors)[:3])}"
        )
