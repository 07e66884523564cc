"""Where and how to compute: pinned instruction sets, threads, device, worker processes; runs stages.

For the same bytes on all CPUs, the numeric libraries must be pinned to one instruction set *before* they are
loaded, and use one thread per process; work is spread over processes instead. Therefore this module does not
import numpy or torch at its top.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeVar

from pydantic import Field

from fusionrec import params
from fusionrec.errors import UserError, of_system
from fusionrec.params import Count, Section

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    import torch

T = TypeVar("T")
R = TypeVar("R")


class Runtime(Section):
    """How to compute. Only `reproducible`, `device` and `nproc` can change a result.

    `workers` is the number of processes or threads that share the work of a stage, `nproc` the number of processes
    that train together. `store_gb` limits the size of the store of encoder vectors in GB (see
    `fusionrec.encoders.store`); 0 switches it off.
    """

    reproducible: Literal["portable", "machine", "off"]
    device: Literal["cpu", "cuda", "auto"]
    workers: Count
    nproc: Count
    store_gb: Annotated[float, Field(ge=0)]


class Computed(Protocol):
    """Options with a precision, and whether models are compiled."""

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
    """Set the environment variables for `runtime.reproducible`. Call this before numpy or torch is imported.

    Raises:
        RuntimeError: if one of them is imported already.
        SystemExit: if the section `runtime` of params.yaml is not valid.
    """
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
    os.environ["THP_MEM_ALLOC_ENABLE"] = "1"  # large pages: halves the time to fill a score matrix
    if mode != "off":
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # deterministic products on a GPU


def parser(about: str | None) -> argparse.ArgumentParser:
    """A parser for the arguments of a stage or command; `--help` shows `about`, its docstring, unchanged."""
    return argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )


def command(main: Callable[[], T]) -> T:
    """Run a command.

    Raises:
        SystemExit: on a `UserError`, a full disk or missing rights, with a message and without a traceback.
    """
    try:
        return main()
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
    except OSError as error:
        if (known := of_system(error)) is None:
            raise
        raise SystemExit(f"error: {known}") from None


def stage(main: Callable[[], str]) -> None:
    """Run a stage as a command. `main` returns where its result is; this and the time that it took are printed."""
    started = time.perf_counter()
    where = command(main)
    print(f"done in {time.perf_counter() - started:.1f} s: {where}")


def device(runtime: Runtime) -> "torch.device":
    """The device that `runtime.device` names. Also prepares torch: see `prepare`.

    Raises:
        UserError: if it is cuda and there is no GPU, or the products of `portable` are not available.
    """
    import torch

    prepare(runtime.reproducible)
    available = torch.cuda.is_available()
    if runtime.device == "cuda" and not available:
        raise UserError("runtime.device is cuda, but torch finds no GPU here; set runtime.device=cpu")
    return torch.device("cuda" if available and runtime.device != "cpu" else "cpu")


def prepare(reproducible: str) -> None:
    """Make torch deterministic, unless `reproducible` is off; with portable, products come from OpenBLAS.

    Raises:
        UserError: see `fusionrec.products.use_openblas`.
    """
    import torch

    if reproducible == "off":
        return
    # unlike torch.use_deterministic_algorithms, it does not import the compiler, which takes two seconds
    torch.set_deterministic_debug_mode("error")
    # filling memory that is never read would take up to a tenth of the time
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if reproducible == "portable":
        from fusionrec import products

        products.use_openblas()


def compile(module: "torch.nn.Module") -> None:
    """Compile a module in place; its code is deterministic too if torch has been made so."""
    import torch

    torch.use_deterministic_algorithms(torch.are_deterministic_algorithms_enabled())
    module.compile()


def threads(runtime: Runtime, device: "torch.device") -> int:
    """How many threads rank users at the same time; 0: only the main thread, because torch uses all cores itself."""
    return runtime.workers if device.type == "cpu" and runtime.reproducible != "off" else 0


def check_precision(section: str, options: Computed, device: "torch.device", reproducible: str) -> None:
    """Check that precision and compilation can be combined with `runtime.reproducible`.

    On a CPU, `portable` uses only instructions that all CPUs have. With these, one 16-bit matrix product takes minutes;
    and compiled code would use the CPU's other instructions.

    Args:
        section: name of the section that `options` are from.
        options: precision, and whether models are compiled.
        device: where they run.
        reproducible: the value of `runtime.reproducible`.

    Raises:
        UserError: if they cannot be combined.
    """
    if device.type != "cpu" or reproducible != "portable":
        return
    remedy = "set runtime.reproducible to machine or off, or runtime.device=cuda"
    if options.precision != "fp32":
        raise UserError(
            f"{section}.precision={options.precision} on a CPU cannot be combined with runtime.reproducible=portable: "
            f"one product would take minutes; set {section}.precision=fp32, or {remedy}"
        )
    if options.compile:
        raise UserError(
            f"{section}.compile on a CPU cannot be combined with runtime.reproducible=portable: compiled code differs "
            f"between CPUs; set {section}.compile=false, or {remedy}"
        )


def parallel(
    function: Callable[[T], R],
    tasks: Iterable[T],
    workers: int,
    initializer: Callable[..., None] | None = None,
    initargs: tuple[Any, ...] = (),
) -> Iterator[R]:
    """`map(function, tasks)` over `workers` processes, in order; with one worker in this process.

    The result does not depend on `workers` if `function` has no side effects.
    """
    if workers == 1:
        if initializer:
            initializer(*initargs)
        yield from map(function, tasks)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")  # fork is unsafe once torch has threads
    with ProcessPoolExecutor(workers, context, _set_up_worker, (initializer, initargs)) as pool:
        yield from _bounded(pool, function, tasks, workers)


def _set_up_worker(initializer: Callable[..., None] | None, initargs: tuple[Any, ...]) -> None:
    """Set up a worker process; it ends when its parent process ends, even if that is killed."""
    import multiprocessing
    import threading

    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    if initializer:
        initializer(*initargs)


def ahead(function: Callable[[T], R], tasks: Iterable[T], threads: int) -> Iterator[R]:
    """`map(function, tasks)`, in order; `threads` threads compute results ahead of the consumer. 0: no threads."""
    if not threads:
        yield from map(function, tasks)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        yield from _bounded(pool, function, tasks, threads)


def _bounded(pool: "Executor", function: Callable[[T], R], tasks: Iterable[T], workers: int) -> Iterator[R]:
    """Results in order; at most 4 tasks per worker are pending, which limits the memory."""
    from collections import deque

    pending: deque[Future[R]] = deque()
    for task in tasks:
        pending.append(pool.submit(function, task))
        if len(pending) >= 4 * workers:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
