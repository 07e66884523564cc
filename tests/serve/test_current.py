"""A model that is replaced is noticed; one that cannot be loaded is not served."""

import asyncio
import shutil
from collections.abc import Callable
from copy import copy
from pathlib import Path

import pytest

from fusionrec.errors import UserError
from fusionrec.serve import current
from fusionrec.serve.current import Current
from fusionrec.serve.metrics import Metrics


class Loaded:
    def __init__(self, path: Path):
        self.name = (path / "pack.json").read_text()
        if "bad" in self.name:
            raise UserError("damaged")
        self.added: list[str] = []

    def grown(self, additions: "Added") -> "Loaded":
        new = copy(self)
        new.added = [*additions.names]
        return new


class Added:
    def __init__(self) -> None:
        self.names: list[str] = []

    def state(self) -> frozenset[str]:
        return frozenset(self.names)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError


def write(folder: Path, name: str) -> Path:
    folder.mkdir()
    (folder / "pack.json").write_text(name)
    return folder


def test_a_link_or_folder_that_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "LOOK", 0.01)
    one, two, bad = (write(tmp_path / name, name) for name in ("one", "two", "bad"))
    link = tmp_path / "current"
    link.symlink_to(one)

    def point(to: Path) -> None:
        (tmp_path / "next").symlink_to(to)
        (tmp_path / "next").replace(link)

    metrics = Metrics()

    def counted(result: str) -> float:
        return metrics.loads.labels(result)._value.get()

    async def change() -> None:
        held = Current(link, Loaded, metrics)  # type: ignore[arg-type]
        watching = asyncio.create_task(held.watch())
        assert held.served.name == "one"
        point(two)
        await until(lambda: held.served.name == "two")
        point(bad)
        await until(lambda: counted("failed") == 1)
        assert held.served.name == "two", "the old model stays"
        shutil.rmtree(two)  # a folder that is being replaced
        point(one)
        await until(lambda: held.served.name == "one")
        (one / "new").write_text("three")
        (one / "new").replace(one / "pack.json")
        await until(lambda: held.served.name == "three")
        watching.cancel()

    asyncio.run(change())
    assert counted("loaded") == 4
    with pytest.raises(UserError, match="damaged"):
        Current(bad, Loaded, metrics)  # type: ignore[arg-type]


def test_items_that_are_added_join_any_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "LOOK", 0.01)
    folder, additions = write(tmp_path / "one", "one"), Added()
    additions.names.append("a")

    async def change() -> None:
        held = Current(folder, Loaded, Metrics(), additions)  # type: ignore[arg-type]
        watching = asyncio.create_task(held.watch())
        assert held.served.added == ["a"]  # type: ignore[attr-defined]
        additions.names.append("b")
        await until(lambda: held.served.added == ["a", "b"])  # type: ignore[attr-defined]
        (folder / "new").write_text("two")
        (folder / "new").replace(folder / "pack.json")
        await until(lambda: held.served.name == "two")
        assert held.served.added == ["a", "b"]  # type: ignore[attr-defined]
        additions.names.clear()
        await until(lambda: held.served.added == [])  # type: ignore[attr-defined]
        watching.cancel()

    asyncio.run(change())
