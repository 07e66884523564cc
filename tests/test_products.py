"""Products by OpenBLAS equal torch's own, whatever the shape and the layout of the matrices."""

import ctypes
import itertools
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from fusionrec import products
from fusionrec.errors import UserError

SIZES = st.integers(0, 40)
LAYOUTS = st.sampled_from(["rows", "columns", "steps", "one row", "offset"])


@pytest.fixture(autouse=True, scope="module")
def _in_use() -> None:
    products.use_openblas()


def matrix(rows: int, columns: int, layout: str, seed: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)

    def randn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=draw)

    if layout == "columns":
        return randn(columns, rows).T
    if layout == "steps":
        return randn(2 * rows, 3 * columns)[::2, ::3]
    if layout == "one row":
        return randn(1, columns).expand(rows, columns)
    if layout == "offset":
        return randn(rows + 1, columns + 3)[1:, 2:-1]
    return randn(rows, columns)


def check(found: torch.Tensor, wanted: torch.Tensor) -> None:
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted.float(), rtol=1e-4, atol=1e-4)


@given(SIZES, SIZES, SIZES, LAYOUTS, LAYOUTS)
def test_products(m: int, k: int, n: int, left: str, right: str) -> None:
    a, b = matrix(m, k, left, 1), matrix(k, n, right, 2)
    check(a @ b, a.double() @ b.double())


@given(SIZES, SIZES, SIZES, LAYOUTS, LAYOUTS, st.sampled_from([0, 0.5, 1]), st.sampled_from([0, -2, 1]))
def test_scaled_sums(m: int, k: int, n: int, left: str, right: str, beta: float, alpha: float) -> None:
    a, b = matrix(m, k, left, 1), matrix(k, n, right, 2)
    for x in (matrix(m, n, right, 3), matrix(1, n, "rows", 3)[0]):
        wanted = torch.addmm(x.double(), a.double(), b.double(), beta=beta, alpha=alpha)
        check(torch.addmm(x, a, b, beta=beta, alpha=alpha), wanted)


def test_what_is_weighted_by_zero_is_not_read() -> None:
    a = torch.eye(2)
    assert torch.equal(torch.addmm(torch.full((2, 2), torch.nan), a, a, beta=0), a)


def test_gradients() -> None:
    x, w, b = matrix(5, 4, "rows", 1), matrix(3, 4, "columns", 2), matrix(1, 3, "rows", 3)[0]
    found: list[torch.Tensor | None] = []
    wanted: list[torch.Tensor | None] = []
    for gradients, dtype in ((found, torch.float32), (wanted, torch.float64)):
        inputs = [t.detach().to(dtype).requires_grad_(True) for t in (x, w, b)]
        (F.linear(*inputs).tanh() @ inputs[1]).square().sum().backward()
        gradients += [t.grad for t in inputs]
    for one, other in zip(found, wanted, strict=True):
        assert one is not None
        assert other is not None
        check(one, other)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int64, torch.complex64])
def test_other_types_are_left_to_torch(dtype: torch.dtype) -> None:
    a = torch.arange(6).view(2, 3).to(dtype)
    assert (a @ a.T).tolist() == [[5, 14], [14, 50]]
    assert torch.addmm(a[0, :2], a, a.T, beta=2).tolist() == [[5, 16], [14, 52]]


def test_sparse_matrices_are_left_to_torch() -> None:
    a, b = torch.eye(3).to_sparse(), matrix(3, 2, "rows", 1)
    assert torch.equal(a @ b, b)


def test_errors_are_those_of_torch() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        torch.ones(2, 3) @ torch.ones(2, 3)
    with pytest.raises(RuntimeError, match="same dtype"):
        torch.ones(2, 3) @ torch.ones(3, 2, dtype=torch.float64)


def test_threads_give_the_same_bytes() -> None:
    a, b = matrix(300, 64, "rows", 1), matrix(500, 64, "rows", 2)
    wanted = a @ b.T
    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(x, wanted) for x in pool.map(lambda _: a @ b.T, range(20)))


def test_it_is_openblas_that_computes() -> None:
    """The bytes are those of numpy's product, for shapes where MKL's differ."""
    pairs = [
        (matrix(m, k, "rows", 1), matrix(k, m, "rows", 2))
        for m, k in itertools.product((33, 64), (500, 2000))
    ]
    assert all(torch.equal(a @ b, torch.from_numpy(a.numpy() @ b.numpy())) for a, b in pairs)
    assert any(not torch.equal(a @ b, torch.mm(a, b, out=torch.empty(len(a), len(a)))) for a, b in pairs)


class Library:
    """Stands for OpenBLAS, with another CPU type or more threads."""

    def __init__(self, core: bytes, threads: int):
        self.core, self.threads = core, threads
        self.scipy_cblas_sgemm64_ = ctypes.CFUNCTYPE(None)()

    def __getattr__(self, name: str) -> Any:
        answers = {"corename64_": self.core, "num_threads64_": self.threads}
        for end, answer in answers.items():
            if name.endswith(end):

                def answered(answer: Any = answer) -> Any:
                    return answer

                return answered
        raise AttributeError(name)


@pytest.mark.parametrize(("core", "threads"), [(b"SkylakeX", 1), (b"Haswell", 2)])
def test_another_kernel_is_refused(core: bytes, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda path: Library(core, threads))
    with pytest.raises(
        UserError, match=rf"for {core.decode()} in {threads} threads instead of Haswell in one.*pip install"
    ):
        products._sgemm()


def test_another_numpy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda path: object())
    with pytest.raises(
        UserError, match=r"lacks a function.*scipy_cblas_sgemm64_.*runtime\.reproducible=machine"
    ):
        products._sgemm()
    monkeypatch.setattr(products.np, "__file__", "/nowhere/numpy/__init__.py")
    with pytest.raises(UserError, match="does not bring its own OpenBLAS"):
        products._sgemm()


def test_a_process_without_the_settings_is_refused() -> None:
    code = "from fusionrec import products; products.use_openblas()"
    env = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS")}
    env |= {"OPENBLAS_CORETYPE": "Nehalem", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert "Nehalem" in done.stderr
    assert "numpy was imported before the environment was set" in done.stderr
