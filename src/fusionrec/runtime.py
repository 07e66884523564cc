"""Where and how to compute: instruction-set pins, threads, device, worker processes, stage entry.

Bit-reproducibility across CPUs needs the numeric libraries pinned to one instruction set *before*
they are loaded, and one thread a process; work is spread over processes instead. Nothing here
imports numpy or torch at module level for that reason.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeVar

from pydantic import Field

from fusionrec import params
from fusionrec.errors import UserError
from fusionrec.params import Count, Section

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    import torch

T = TypeVar("T")
R = TypeVar("R")


class Runtime(Section):
    """How to compute. Only `reproducible`, `device` and `nproc` can change a result.

    `workers` are processes, or threads, that share the work of a stage; `nproc` are processes that train together.
    `store_gb` bounds the store of encoder vectors (see `fusionrec.encoders.store`); 0 switches it off.
    """

    reproducible: Literal["portable", "machine", "off"]
    device: Literal["cpu", "cuda", "auto"]
    workers: Count
    nproc: Count
    store_gb: Annotated[float, Field(ge=0)]


class Computed(Protocol):
    """Options of what runs in a precision, compiled or not."""

    @property
    def precision(self) -> str:
        """One of fp32, bf16, fp16."""
        ...

    @property
    def compile(self) -> bool:
        """Whether `torch.compile` is used."""
        ...


ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
ONE_INSTRUCTION_SET = {
    "ATEN_CPU_CAPABILITY": "avx2",  # softmax, attention
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # convolutions, gelu
    "MKL_CBWR": "COMPATIBLE",  # matrix products; "AVX2" still differs between vendors
    "OPENBLAS_CORETYPE": "Haswell",  # numpy's matrix products
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL",  # numpy's loops
}
PINS = {
    "portable": ONE_THREAD | ONE_INSTRUCTION_SET,  # the same bytes on every x86-64 CPU with AVX2
    "machine": ONE_THREAD,  # the same bytes on this machine
    "off": {},  # fastest
}


def pin(path: str = "params.yaml") -> None:
    """Set the pins that `runtime.reproducible` asks for; call before numpy or torch is imported."""
    loaded = sorted({"numpy", "torch"} & sys.modules.keys())
    if loaded:
        raise RuntimeError(f"pin() must come before the import of {' and '.join(loaded)}")
    try:
        mode = params.load(Runtime, path).reproducible
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
    os.environ.update(PINS[mode])
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["MPLBACKEND"] = "agg"
    os.environ["THP_MEM_ALLOC_ENABLE"] = "1"  # large pages: a score matrix is filled in half the time
    if mode != "off":
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # deterministic products on a GPU


def parser(about: str | None) -> argparse.ArgumentParser:
    """The arguments of a stage or command; `--help` shows `about`, its docstring, as it is."""
    return argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )


def command(main: Callable[[], T]) -> T:
    """Run a command: a `UserError` ends it with its message alone and a non-zero exit."""
    try:
        return main()
    except UserError as error:
        raise SystemExit(f"error: {error}") from None


def stage(main: Callable[[], str]) -> None:
    """Run a stage as a command, and say how long it took and where its result lies, which `main` returns."""
    started = time.perf_counter()
    where = command(main)
    print(f"done in {time.perf_counter() - started:.1f} s: {where}")


def device(runtime: Runtime) -> "torch.device":
    """The device that `runtime.device` names.

    Raises:
        UserError: if a GPU is asked for and there is none.
    """
    import torch

    if runtime.reproducible != "off":
        torch.use_deterministic_algorithms(True)
    available = torch.cuda.is_available()
    if runtime.device == "cuda" and not available:
        raise UserError("runtime.device is cuda, but torch finds no GPU here; set runtime.device=cpu")
    return torch.device("cuda" if available and runtime.device != "cpu" else "cpu")


def threads(runtime: Runtime, device: "torch.device") -> int:
    """How many threads may rank users side by side; 0: the main thread alone, because torch uses all cores itself."""
    return runtime.workers if device.type == "cpu" and runtime.reproducible != "off" else 0


def check_precision(section: str, options: Computed, device: "torch.device", reproducible: str) -> None:
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
            f"{section}.precision={options.precision} on a CPU does not go with runtime.reproducible=portable: "
            f"one product would take minutes; set {section}.precision=fp32, or {remedy}"
        )
    if options.compile:
        raise UserError(
            f"{section}.compile on a CPU does not go with runtime.reproducible=portable: compiled code differs "
            f"between CPUs; set {section}.compile=false, or {remedy}"
        )


def parallel(
    function: Callable[[T], R],
    tasks: Iterable[T],
    workers: int,
    initializer: Callable[..., None] | None = None,
    initargs: tuple[Any, ...] = (),
) -> Iterator[R]:
    """`map(function, tasks)` over `workers` processes, in order; in this process where one is enough.

    The result does not depend on `workers` as long as `function` is pure.
    """
    if workers == 1:
        if initializer:
            initializer(*initargs)
        yield from map(function, tasks)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")  # fork is unsafe once torch has threads
    with ProcessPoolExecutor(workers, context, _begin, (initializer, initargs)) as pool:
        yield from _bounded(pool, function, tasks, workers)


def _begin(initializer: Callable[..., None] | None, initargs: tuple[Any, ...]) -> None:
    """In each worker; it ends with the process that started it, even if that one is killed."""
    import multiprocessing
    import threading

    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    if initializer:
        initializer(*initargs)


def ahead(function: Callable[[T], R], tasks: Iterable[T], threads: int) -> Iterator[R]:
    """`map(function, tasks)`, in order; `threads` threads work ahead of the consumer, 0 do not."""
    if not threads:
        yield from map(function, tasks)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        yield from _bounded(pool, function, tasks, threads)


def _bounded(pool: "Executor", function: Callable[[T], R], tasks: Iterable[T], workers: int) -> Iterator[R]:
    """Results in order; few tasks and results wait at a time, which bounds the memory that they take."""
    from collections import deque

    pending: deque[Future[R]] = deque()
    for task in tasks:
        pending.append(pool.submit(function, task))
        if len(pending) >= 4 * workers:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
