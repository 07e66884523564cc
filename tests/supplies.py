"""What readers of the pages have or download: data folders, small files, weights; a web server serves the downloads."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

ITEMS, USERS, CHOICES = 24, 30, 12
EXAMPLE = ["sku", "name", "about", "material", "price"], ["customer", "sku", "stars", "bought"]
REVISION = "c0ffee" * 6 + "cafe"  # of the models on the hub
DAY = 86_400


def picture(seed: int) -> bytes:
    buffer = io.BytesIO()
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    Image.fromarray(coarse).resize((96, 96)).save(buffer, "JPEG")
    return buffer.getvalue()


def log() -> pd.DataFrame:
    """Interactions: user_id, item_id, rating, timestamp in seconds; all but a few ratings are 4 or 5."""
    draw = np.random.default_rng(1)
    chosen = np.concatenate([draw.choice(ITEMS, CHOICES, replace=False) for _ in range(USERS)])
    rows = np.arange(len(chosen))
    return pd.DataFrame(
        {
            "user_id": rows // CHOICES + 1,
            "item_id": chosen + 1,
            "rating": np.where(rows % 11 == 0, 3, 4 + rows % 2),
            "timestamp": 1_500_000_000 + draw.integers(0, 1000, len(rows)) * DAY,
        }
    )


def write(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def renamed(folder: Path) -> None:
    """The shop with the columns of the example in README.md, and dates instead of seconds."""
    shop(folder)
    items = pd.read_csv(folder / "items.csv").drop(columns="year")
    write(folder / "items.csv", items.set_axis(EXAMPLE[0], axis=1).to_csv(index=False))
    times = pd.to_datetime(log()["timestamp"], unit="s").dt.strftime("%Y-%m-%d %H:%M")
    choices = log().assign(user_id=lambda t: "c" + t["user_id"].astype(str), timestamp=times)
    choices = choices[["user_id", "item_id", "rating", "timestamp"]].set_axis(EXAMPLE[1], axis=1)
    write(folder / "interactions.csv", choices.to_csv(index=False))


def shop(folder: Path) -> None:
    """items.csv, interactions.csv and images/, as `raw.source=files` reads them."""
    ids = np.arange(ITEMS) + 1
    items = pd.DataFrame(
        {
            "item_id": ids,
            "title": [f"A lamp of {i} lights" for i in ids],
            "description": [f"It stands on {i % 5 + 1} feet." for i in ids],
            "genres": [("floor", "table", "floor|garden")[i % 3] for i in ids],
            "year": 1990 + ids,
            "price": ids * 9.5,
        }
    )
    write(folder / "items.csv", items.to_csv(index=False))
    write(folder / "interactions.csv", log().to_csv(index=False))
    for i in ids.tolist():
        write(folder / f"images/{i}.jpg", picture(i))


def provide(page: str, folder: Path, hub: Path) -> None:
    """Files that the reader of a page has: in the repository, and in Hugging Face's cache."""
    if page == "README.md":
        renamed(folder / "path/to/folder")
    if page == "docs/data.md":
        shop(folder / "my-data")
    if page == "docs/encoders.md":
        models(folder / "weights/vit", folder / "weights/minilm-l12")
        ids = ("google/vit-base-patch16-224-in21k", "sentence-transformers/all-MiniLM-L12-v2")
        kept = [hub / f"hub/models--{name.replace('/', '--')}/snapshots/{REVISION}" for name in ids]
        models(*kept)


def models(vision: Path, language: Path) -> None:
    """A small ViT and a small BERT with random weights, and the widths in docs/encoders.md."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer, ViTConfig, ViTImageProcessor, ViTModel

    from fusionrec.encoders import untrained

    sizes: dict[str, Any] = {"num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += [start + letter for start in ("", "##") for letter in untrained.CHARACTERS]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        parts: list[tuple[Any, Path]] = [
            (ViTModel(ViTConfig(**sizes, hidden_size=768, image_size=32, patch_size=8)), vision),
            (ViTImageProcessor(size={"height": 32, "width": 32}), vision),
            (BertModel(BertConfig(**sizes, hidden_size=384, vocab_size=len(words))), language),
            (BertTokenizer({word: i for i, word in enumerate(words)}, model_max_length=512), language),
        ]
        for part, folder in parts:
            part.save_pretrained(folder)


def archive(members: dict[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def lines(records: list[dict[str, Any]]) -> bytes:
    return gzip.compress("".join(json.dumps(record) + "\n" for record in records).encode())


def web(root: Path) -> None:
    """root/<host>/<path>: tiny versions of the files that the pages download, in their published layouts."""
    choices, ids = log(), range(1, ITEMS + 1)
    ratings = choices.set_axis(["userId", "movieId", "rating", "timestamp"], axis=1)
    movies = "".join(f"{i},Film {i} ({1980 + i}),Comedy|Drama\n" for i in ids)
    members: dict[str, bytes | str] = {
        "ml-latest-small/ratings.csv": ratings.to_csv(index=False),
        "ml-latest-small/movies.csv": f"movieId,title,genres\n{movies}",
        "ml-latest-small/tags.csv": "userId,movieId,tag,timestamp\n1,1,quiet,1500000000\n",
    }
    write(root / "files.grouplens.org/datasets/movielens/ml-latest-small.zip", archive(members))

    release = root / "recsys.westlake.edu.cn/MicroLens-100k-Dataset"
    pairs = choices.assign(timestamp=choices["timestamp"] * 1000).drop(columns="rating")
    pairs = pairs.set_axis(["user", "item", "timestamp"], axis=1)
    write(release / "MicroLens-100k_pairs.csv", pairs.to_csv(index=False))
    write(release / "MicroLens-100k_title_en.csv", "".join(f"{i},Clip {i}\n" for i in ids))
    covers: dict[str, bytes | str] = {f"MicroLens-100k_covers/{i}.jpg": picture(i) for i in ids}
    write(release / "MicroLens-100k_covers.zip", archive(covers))

    reviews = [
        {
            "user_id": f"U{user}",
            "parent_asin": f"B{item}",
            "rating": float(rating),
            "timestamp": seconds * 1000,
        }
        for user, item, rating, seconds in choices.to_numpy().tolist()
    ]
    items = [
        {
            "parent_asin": f"B{i}", "title": f"Soap {i}", "description": [], "features": ["Lathers"],
            "categories": ["Beauty"], "main_category": "All Beauty", "store": "Acme", "price": 2.5,
            # not a public address: rejected and counted, and the item is kept
            "images": [{"large": f"http://127.0.0.1:9/{i}.jpg"}],
        }
        for i in ids
    ]  # fmt: skip
    data = root / "mcauleylab.ucsd.edu/public_datasets/data/amazon_2023/raw"
    write(data / "review_categories/All_Beauty.jsonl.gz", lines(reviews))
    write(data / "meta_categories/meta_All_Beauty.jsonl.gz", lines(items))


class Handler(SimpleHTTPRequestHandler):
    """Serves files with an ETag, from which DVC knows their version."""

    def end_headers(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_file():
            self.send_header("ETag", f'"{sha256(path.read_bytes()).hexdigest()}"')
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def served(root: Path) -> Iterator[str]:
    """The address of a server on this machine that serves the files under `root`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
