"""Matrix products of torch on the CPU by numpy's OpenBLAS: the same bytes on every CPU, at full speed.

torch's own products come from MKL. The mode in which MKL gives the same bytes on every CPU has less than half of its
speed. OpenBLAS, limited to the kernels of one CPU type and to one thread, gives the same bytes too, and is as fast as
MKL without that mode. It is in numpy's wheel, so that nothing else must be installed.
"""

import ctypes
import functools
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fusionrec.errors import UserError

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112  # constants of CBLAS
CORE = b"Haswell"  # the CPU type that runtime.PINS names
REMEDY = (
    "install the pinned packages with `pip install -r requirements.txt`, or set runtime.reproducible=machine"
)


@functools.cache
def use_openblas() -> None:
    """From now on, float32 products of two matrices on the CPU, and their gradients, come from OpenBLAS.

    Batched products, and products that torch calls inside other operators, still come from MKL.

    Raises:
        UserError: if numpy has another library of products, or this one is not limited to the right CPU type and to one
            thread.
    """
    sgemm = _sgemm()
    library = torch.library.Library("aten", "IMPL")
    use_openblas.library = library  # type: ignore[attr-defined]  # it is in force as long as it exists

    def mm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        out = a.new_empty(a.shape[0], b.shape[1])
        if not _covered(a, b):
            return torch.mm(a, b, out=out)
        return _product(sgemm, a, b, out, 1.0, 0.0)

    def addmm(
        x: torch.Tensor, a: torch.Tensor, b: torch.Tensor, *, beta: Any = 1, alpha: Any = 1
    ) -> torch.Tensor:
        shape = a.shape[0], b.shape[1]
        if not _covered(a, b) or x.dtype != torch.float32:
            return torch.addmm(x, a, b, beta=beta, alpha=alpha, out=a.new_empty(shape))
        out = a.new_empty(shape)
        if beta:
            out.copy_(x)
        return _product(sgemm, a, b, out, float(alpha), float(beta))

    library.impl("mm", mm, "CPU", allow_override=True)
    library.impl("addmm", addmm, "CPU", allow_override=True)


def _covered(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether OpenBLAS computes this product; torch refuses what does not fit."""
    return (
        a.dtype == b.dtype == torch.float32
        and a.layout == b.layout == torch.strided
        and a.ndim == b.ndim == 2
        and a.shape[1] == b.shape[0]
        and a.numel() > 0
        and b.numel() > 0
    )


def _product(
    sgemm: Any, a: torch.Tensor, b: torch.Tensor, out: torch.Tensor, alpha: float, beta: float
) -> torch.Tensor:
    """alpha * a b + beta * out, into `out`, which is contiguous."""
    (m, k), n = a.shape, b.shape[1]
    a, a_order, a_step = _layout(a)
    b, b_order, b_step = _layout(b)
    sgemm(
        ROW_MAJOR, a_order, b_order, m, n, k, alpha, a.data_ptr(), a_step, b.data_ptr(), b_step, beta, out.data_ptr(), n
    )  # fmt: skip
    return out


def _layout(x: torch.Tensor) -> tuple[torch.Tensor, int, int]:
    """The matrix, how it is stored, and the distance of its rows or columns in memory; a copy where need be."""
    rows, columns = x.shape
    down, right = x.stride()
    if (right == 1 or columns == 1) and (down >= columns or rows == 1):
        return x, PLAIN, columns if rows == 1 else max(down, columns)
    if (down == 1 or rows == 1) and (right >= rows or columns == 1):
        return x, TRANSPOSED, rows if columns == 1 else max(right, rows)
    return x.contiguous(), PLAIN, columns


def _sgemm() -> Any:
    """The function `cblas_sgemm` of numpy's OpenBLAS."""
    files = sorted(Path(np.__file__).parents[1].glob("numpy.libs/libscipy_openblas64_*"))
    if len(files) != 1:
        raise UserError(f"numpy {np.__version__} does not bring its own OpenBLAS; {REMEDY}")
    library = ctypes.CDLL(str(files[0]))
    try:
        sgemm, core = library.scipy_cblas_sgemm64_, library.scipy_openblas_get_corename64_
        threads = library.scipy_openblas_get_num_threads64_()
    except AttributeError as error:
        raise UserError(
            f"numpy {np.__version__}: its OpenBLAS lacks a function ({error}); {REMEDY}"
        ) from None
    core.restype = ctypes.c_char_p
    if (core(), threads) != (CORE, 1):
        raise UserError(
            f"numpy's OpenBLAS computes for {core().decode()} in {threads} threads instead of {CORE.decode()} in one: "
            f"numpy was imported before the environment was set; {REMEDY}"
        )
    whole, number, memory = ctypes.c_int64, ctypes.c_float, ctypes.c_void_p
    sgemm.argtypes = [
        *[ctypes.c_int] * 3, *[whole] * 3, number, memory, whole, memory, whole, number, memory, whole
    ]  # fmt: skip
    sgemm.restype = None
    return sgemm
