"""Speed under the settings that users get by default and without them, against public code, in one table.

`make bench`, or `python tests/benchmarks/performance.py`, on a quiet machine, writes docs/performance.md. Each part
runs in a process of its own, under the pins of its mode; what is compared runs in the same process. Peers that are not
installed (`implicit`, `faiss-cpu`, `onnx` with `onnxruntime`) are left out.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from fusionrec import runtime  # noqa: E402

MODES = "portable", "machine"
HEAD = """# Performance

CPU seconds of one thread, the best of three, all in one run of `make bench`. The CPU: {cpu}, {vectors}.

`portable` is the default of `runtime.reproducible`: the same bytes on every x86-64 CPU with AVX2, so it does not use
AVX-512. `machine` promises them on one machine only, and uses what the CPU has, as other code does.

| | portable | machine |
|---|---|---|
"""


def ranking() -> dict[str, float]:
    """Top-100 lists of 20,000 users among 20,000 items, width 128."""
    import numpy as np
    from tests.benchmarks import ranking as bench

    from fusionrec.evaluation import catalogue_ranking

    users = items = 20_000
    towers, past = bench.drawn(users, items, 128)
    everybody = np.arange(users)
    products = bench.fastest(
        {
            f"{of.__name__} {chunk}": partial(of, towers, chunk)
            for of in (bench.product, bench.product_of_numpy)
            for chunk in (256, 1024)
        },
        3,
    )
    ways = {
        f"ranking 20,000 x 20,000: {name}": way
        for name, way in {
            "FusionRec": lambda: catalogue_ranking.top_k(towers, everybody, past, 100),
            **bench.peers(towers, past, 100, 1024),
        }.items()
    }
    return {"ranking 20,000 x 20,000: the fastest bare product": min(products.values())} | bench.fastest(
        ways, 3
    )


def training() -> dict[str, float]:
    """An epoch at the size of Amazon Baby."""
    from tests.benchmarks import training as bench

    train, inputs = bench.generate(bench.INTERACTIONS, bench.USERS), bench.content(bench.WIDTHS)
    ways: dict[str, Callable[[], object]] = {
        "epoch at the size of Amazon Baby, BPR: VBPR, which has no dropout": bench.peer(train, inputs),
        "epoch at the size of Amazon Baby, BPR: FusionRec without dropout": bench.ours(
            train, inputs, "fp32", "bpr", dropout=False
        ),
        "epoch at the size of Amazon Baby, BPR: FusionRec": bench.ours(train, inputs, "fp32", "bpr"),
        "epoch at the size of Amazon Baby, full softmax: FusionRec": bench.ours(
            train, inputs, "fp32", "softmax"
        ),
    }
    return {name: bench.seconds(epoch, 3) for name, epoch in ways.items()}


def rivals() -> dict[str, float]:
    """A quarter of an epoch of each rival at the size of Amazon Baby, and the evaluation of all its users."""
    from tests.benchmarks import rivals as bench

    return {name: bench.bench.seconds(way, 3) for name, way in bench.ways().items()}


def encoders() -> dict[str, float]:
    """Milliseconds for a picture of 224 pixels and for a text of 64 tokens, batch 4."""
    import torch
    from tests.benchmarks.ranking import fastest

    from fusionrec import sections
    from fusionrec.encoders import weights
    from fusionrec.encoders.recipe import Recipe

    p, draw = sections.load(ROOT / "params.yaml"), torch.Generator().manual_seed(0)
    ids = torch.randint(1000, 20_000, (4, 64), generator=draw)
    batches: dict[str, tuple[str, Any]] = {
        "efficientnet": ("vision", {"pixel_values": torch.randn(4, 3, 224, 224, generator=draw)}),
        "sentence-bert": (
            "language",
            {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": ids * 0},
        ),
    }
    ways: dict[str, Callable[[], object]] = {}
    for name, (modality, batch) in batches.items():
        entry = getattr(p.encoders, modality)[name]
        folder = weights.locate(name, entry, p.encoders)
        source = weights.source(folder, entry, p.encoders)
        recipe = Recipe(modality, entry, folder, source, p.cache, "cpu", os.environ["MODE"])
        encoder = recipe.load()
        ways[f"{name}, a thousand inputs: FusionRec"] = partial(many, encoder.forward, batch)
        if find_spec("onnxruntime") and find_spec("onnx"):
            ways[f"{name}, a thousand inputs: onnxruntime"] = with_onnxruntime(recipe, batch)
    return {name: 250 * took / 10 for name, took in fastest(ways, 3).items()}


def with_onnxruntime(recipe: Any, batch: dict[str, Any]) -> Callable[[], object]:
    """Ten batches by onnxruntime, in float32, of the same model as it comes from its folder; the vectors agree."""
    import numpy as np
    import torch
    from torch import nn

    onnxruntime: Any = import_module("onnxruntime")  # not among the requirements
    # half precision keeps torch's own layers, and their weights in float32
    plain = recipe._replace(options=recipe.options.model_copy(update={"precision": "bf16"}))

    class Vectors(nn.Module):
        """Positional inputs, and the vector alone."""

        def __init__(self, tower: nn.Module):
            super().__init__()
            self.tower = tower

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            vectors: torch.Tensor = self.tower(**dict(zip(batch, inputs, strict=True)))[0]
            return vectors

    tower = plain.load_trainable().tower.to(memory_format=torch.contiguous_format)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as scratch:
        path = f"{scratch}/model.onnx"
        vectors = Vectors(tower).eval()
        torch.onnx.export(vectors, tuple(batch.values()), path, input_names=list(batch), dynamo=False)
        session = onnxruntime.InferenceSession(path, options)
    inputs = {name: tensor.numpy() for name, tensor in batch.items()}
    found, wanted = session.run(None, inputs)[0], tower(**batch)[0].numpy()
    assert np.allclose(found, wanted, atol=1e-3 * np.abs(wanted).max()), "another model"
    return partial(many, lambda each: session.run(None, each), inputs)


def many(forward: Callable[[Any], object], batch: Any) -> None:
    """Ten batches."""
    for _ in range(10):
        forward(batch)


PARTS = {"ranking": ranking, "training": training, "rivals": rivals, "encoders": encoders}


def measured(part: str, mode: str) -> dict[str, float]:
    """The seconds of a part, from a process under the pins of `mode`."""
    environment = os.environ | runtime.PINS[mode] | {"MODE": mode, "THP_MEM_ALLOC_ENABLE": "1"}
    done = subprocess.run(
        [sys.executable, __file__, part], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def cpu() -> dict[str, str]:
    """The name of the processor, and its widest vectors."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    names = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("model name")]
    return {"cpu": names[0] if names else "unknown", "vectors": "AVX-512" if "avx512f" in text else "AVX2"}


def main() -> None:
    if sys.argv[1:]:
        import torch

        torch.set_num_threads(1)
        runtime.prepare(os.environ["MODE"])
        print(json.dumps(PARTS[sys.argv[1]]()))
        return
    lines = []
    for part in PARTS:
        columns = [measured(part, mode) for mode in MODES]
        lines += [f"| {name} | {columns[0][name]:.2f} | {columns[1][name]:.2f} |" for name in columns[0]]
        print(*lines[-len(columns[0]) :], sep="\n", flush=True)
    text = HEAD.format(**cpu()) + "\n".join(lines) + "\n"
    (ROOT / "docs/performance.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
