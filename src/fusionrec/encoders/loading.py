"""Loading transformers models completely or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from fusionrec import params
from fusionrec.errors import UserError

HEADS = ("classifier.", "cls.", "lm_head.")  # what a checkpoint may hold beyond the encoder


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turns what the libraries raise on a damaged or incomplete folder into one `UserError`."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise UserError(
            f"{folder}: cannot be loaded as an encoder in Hugging Face layout: {reason}"
        ) from error


def complete(loader: Any, folder: Path, unused: tuple[str, ...] = ()) -> nn.Module:
    """`loader.from_pretrained`, safetensors only and without remote code, that refuses gaps.

    Args:
        loader: a transformers (auto) model class.
        folder: a folder in Hugging Face layout.
        unused: beginnings of the names of tensors that may be missing, because no vector depends on them.

    Returns:
        The model, in float32 whatever the file's precision.

    Raises:
        UserError: if a tensor of the encoder is missing, misshapen, or unknown to it.
    """
    quiet()
    model, report = loader.from_pretrained(
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


def quiet() -> None:
    """No progress bars and no advice from transformers: what matters is raised."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def refuse(folder: Path, tensors: list[str]) -> None:
    """End with the names of the tensors that are missing or unexpected, if any."""
    if tensors:
        raise UserError(
            f"{folder}: the weights do not fit config.json, first tensors: {', '.join(sorted(tensors)[:3])}"
        )


def check_precision(options: params.Cache, device: torch.device, reproducible: str) -> None:
    """Refuse what the pins of `runtime.reproducible` do not go with.

    Raises:
        UserError: if a CPU that is held to the instructions that all have is asked for 16-bit products, of
            which one takes it minutes, or for compiled code, which would use the instructions that it has.
    """
    if device.type != "cpu" or reproducible != "portable":
        return
    remedy = "set runtime.reproducible to machine or off, or runtime.device=cuda"
    if options.precision != "fp32":
        raise UserError(
            f"cache.precision={options.precision} on a CPU does not go with runtime.reproducible=portable: "
            f"one product would take minutes; set cache.precision=fp32, or {remedy}"
        )
    if options.compile:
        raise UserError(
            "cache.compile on a CPU does not go with runtime.reproducible=portable: compiled code differs "
            f"between CPUs; set cache.compile=false, or {remedy}"
        )
