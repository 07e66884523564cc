"""Prints the hash of each default encoder's vectors for a few inputs, under the portable pins.

The same lines must appear on every x86-64 CPU. To compare with an emulated one:

    python tests/portability/hashes.py
    qemu-x86_64 -cpu Haswell "$(command -v python)" tests/portability/hashes.py
"""

import hashlib
import io
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))

from fusionrec import runtime, sections  # noqa: E402

TEXTS = ["a dog runs on the beach", "Interest rates rose again.", "a quiet village, a murder & three sisters"]
PICTURES = {"efficientnet": 2, "dino": 1}


def picture(number: int) -> bytes:
    """A JPEG of coloured cells, so that decoding and resizing are part of the comparison."""
    from PIL import Image

    cells = bytes((37 * i * (number + 3) + i * i) % 256 for i in range(8 * 6 * 3))
    buffer = io.BytesIO()
    Image.frombytes("RGB", (8, 6), cells).resize((120, 90)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def main() -> None:
    os.environ.update(runtime.PINS["portable"])
    import torch

    from fusionrec.encoders import language, vision, weights

    p = sections.load(ROOT / "params.yaml")
    cpu = torch.device("cpu")

    def show(name: str, vectors: torch.Tensor) -> None:
        print(name, hashlib.sha256(vectors.numpy().tobytes()).hexdigest(), flush=True)

    pictures = [picture(number) for number in range(max(PICTURES.values()))]
    print("pictures", hashlib.sha256(b"".join(pictures)).hexdigest(), flush=True)
    registry = p.encoders.vision | p.encoders.language
    for name in sys.argv[1:] or [*PICTURES, "sentence-bert"]:
        entry = registry[name]
        assert entry is not None, "`none` encodes nothing"
        folder = weights.locate(name, entry, p.encoders)
        if name in p.encoders.vision:
            show(name, vision.load(folder, entry, p.cache, cpu).encode(pictures[: PICTURES[name]]))
        else:
            show(name, language.load(folder, entry, p.cache, cpu).encode(TEXTS))


if __name__ == "__main__":
    main()
