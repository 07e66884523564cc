"""The wheel: it is built, installed without the repository, and answers with a packed model."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fusionrec import extras
from fusionrec.api import FusionRec
from fusionrec.paths import cache_home
from fusionrec.recommend import packing
from fusionrec.recommend.new_items import NewItem

from .recommend import shop
from .serve.conftest import Client

ROOT = Path(__file__).resolve().parents[1]
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
WITHOUT = f"""
import sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        known = name.partition(".")[0] not in {sorted(extras.EXTRAS)}
        return self.finder.find_spec(name, path, target) if known else None
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""
USE = """
import json, sys
from pathlib import Path
import fusionrec.api
shop = fusionrec.api.load("shop")
lists = shop.recommend(["u3", "basket"], 4, histories={"basket": ["i06", "i07"]})
new = shop.score_new_item("new.png", title="a red boat", users=["u1"])
print(json.dumps({
    "from": fusionrec.__file__, "items": lists["item_id"].tolist(),
    "score": float(new["score"][0]), "rank": int(new["rank"][0]),
}))
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built offline, from a copy of what goes into it."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def away(built: Path, tmp_path: Path) -> Path:
    """A folder outside the repository, with a packed model and a picture."""
    packing.pack(tmp_path / "shop", built / "model", built / "splits")
    (tmp_path / "new.png").write_bytes(shop.picture(0))
    return tmp_path


def environment(folder: Path, path: Path | None = None) -> dict[str, str]:
    variables = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "HOME": str(folder)}
    variables["FUSIONREC_CACHE"] = str(cache_home())  # weights that were downloaded already
    return variables | ({"PYTHONPATH": str(path)} if path else {})


def ran(
    folder: Path, python: Path | str, path: Path | None, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), *arguments], cwd=folder, env=environment(folder, path), capture_output=True, text=True
    )


def check(answer: str, scripts: Path, open_shop: FusionRec) -> None:
    said = json.loads(answer.splitlines()[-1])
    assert Path(said["from"]).is_relative_to(scripts)
    lists = open_shop.recommend(["u3", "basket"], 4, histories={"basket": ["i06", "i07"]})
    assert said["items"] == lists["item_id"].tolist()
    new = open_shop.score_new_item(shop.picture(0), title="a red boat", users=["u1"])
    assert said["rank"] == new["rank"][0] and said["score"] == pytest.approx(new["score"][0], abs=1e-6)


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"fusionrec"}
    written = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src/fusionrec").rglob("*.py")}
    assert written | {"fusionrec/py.typed", "fusionrec/serve/page.html"} <= {*names}


def test_it_answers_outside_the_repository_without_any_extra(
    wheel: Path, away: Path, open_shop: FusionRec
) -> None:
    target = away / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*pip, str(target), str(wheel)], check=True)
    done = ran(away, sys.executable, target, "-c", WITHOUT + USE)
    assert done.returncode == 0, done.stderr
    check(done.stdout, target, open_shop)
    command = WITHOUT + "from fusionrec.cli import main; main()"
    listed = ran(away, sys.executable, target, "-c", command, "--help")
    assert "serve" in listed.stdout and "pack" in listed.stdout
    for name, extra in {"serve": "serve", "review": "pipeline"}.items():
        shutil.copy(ROOT / "params.yaml", away)
        refused = ran(away, sys.executable, target, "-c", command, name, "shop")
        assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 1, refused.stderr
        assert f"pip install 'fusionrec[{extra}]'" in refused.stderr


@pytest.mark.slow
def test_it_answers_in_an_empty_environment(wheel: Path, away: Path, open_shop: FusionRec) -> None:
    """pip resolves the ranges and installs what it finds; that takes minutes."""
    subprocess.run([sys.executable, "-m", "venv", str(away / "venv")], check=True)
    python = away / "venv/bin/python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", f"{wheel}[serve]"], check=True)
    done = ran(away, python, None, "-c", USE)
    assert done.returncode == 0, done.stderr
    check(done.stdout, away / "venv", open_shop)
    command = [str(away / "venv/bin/fusionrec"), "serve", "shop", "--port", "0", "--additions", "added"]
    with subprocess.Popen(
        command, cwd=away, env=environment(away), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        found = re.search(r":(\d+) ", process.stdout.readline())
        assert found
        client = Client(process, int(found[1]), away / "log")
        fields: dict[str, str | bytes] = {"item_id": "new", "image": shop.picture(0), "title": "a red boat"}
        assert client.upload(fields, "/v1/items").status == 201
        request = {"users": ["u3"], "k": shop.ITEMS + 1}
        made = client.post("/v1/recommendations", request).json["lists"][0]["items"]
        process.terminate()
    grown = open_shop.with_items({"new": NewItem(shop.picture(0), title="a red boat")})
    assert [one["item_id"] for one in made] == grown.recommend(["u3"], shop.ITEMS + 1)["item_id"].tolist()
