"""Compares everything that DVC tracks with the hashes in its lock files: files here, and objects in DVC's cache.

DVC itself does not: it takes an object of its cache that is write-protected for good, and a file for unchanged that
has the time and size that it noted. Here every byte is read. The functions that hash are those of DVC.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from dvc_data.hashfile.build import build
from dvc_data.hashfile.db.local import LocalHashFileDB
from dvc_data.hashfile.hash import hash_file
from dvc_data.hashfile.tree import Tree
from dvc_objects.errors import ObjectFormatError
from dvc_objects.fs.local import localfs

from fusionrec.integrity.fault import Fault

OID = re.compile("[0-9a-f]{32}")
DIFFERS, DAMAGED, MISSING = "differs from the lock file", "damaged", "missing"
Hashes = dict[str, str]  # of the files in an output by their path inside it; of a single file by ""


class Tracked:
    """An output of a stage, or data that was added to DVC, and its copies: in the workspace and in DVC's cache.

    Args:
        out: a `dvc.output.Output` with a hash.
        remote: whether the repository has a remote.
    """

    def __init__(self, out: Any, remote: bool):
        self.out, self.root, self.oid = out, Path(out.fspath), out.hash_info.value
        self.made, self.remote = out.stage.cmd is not None, remote

    def __str__(self) -> str:
        return str(self.out)

    def absent(self) -> bool:
        """Whether there is no whole copy: nothing was computed or pulled yet, or a damaged part was deleted."""
        if self.root.exists():
            return False
        objects = [self.oid, *(self.listing() or {}).values()]
        return not (self.out.use_cache and all(self.stored(oid).exists() for oid in objects))

    def stored(self, oid: str) -> Path:
        """The file in DVC's cache."""
        return Path(self.out.cache.oid_to_path(oid))

    def of_object(self, oid: str) -> str | None:
        """What is wrong with an object of the cache; None if nothing is, or if the output is not kept there."""
        path = self.stored(oid)
        if not self.out.use_cache:
            return None
        if not path.exists():
            return MISSING
        actual = hash_file(str(path), localfs, self.out.hash_name)[1].value
        return None if actual == oid.removesuffix(".dir") else DAMAGED

    def listing(self) -> Hashes | None:
        """The files that the lock file asks for; None if the cache has no readable list of them."""
        if not self.oid.endswith(".dir"):
            return {"": self.oid}
        if self.of_object(self.oid):
            return None
        try:
            return _by_path(Tree.load(self.out.cache, self.out.hash_info))
        except ObjectFormatError:
            return None

    def here(self) -> Any:
        """The workspace's copy as DVC hashes it, without what DVC noted of it earlier; None if there is none."""
        if not self.root.exists():
            return None
        unaware = LocalHashFileDB(localfs, self.out.cache.path)
        return build(
            unaware, str(self.root), localfs, self.out.hash_name, ignore=self.out.dvcignore, dry_run=True
        )[2]

    def elsewhere(self) -> str:
        """Where bytes can come from of which no copy is good here."""
        if not self.out.use_cache:
            return f"Git, or stage {self.out.stage.addressing}, which makes it again"
        if self.remote:
            return "the remote, or another checkout"
        return (
            f"stage {self.out.stage.addressing} makes it again" if self.made else "another copy of your data"
        )

    def taking_away(self, path: Path) -> Callable[[], object] | None:
        """Delete a bad copy; None if it could be the last one, or data of the user that has changed."""
        return partial(_delete, path) if self.made else None

    def fault(self, path: Path, what: str, source: str, mend: Callable[[], object] | None) -> Fault:
        """A fault of a copy of this output."""
        return Fault(_shown(path), what, source, mend, str(self))


def faults(repo: Any) -> Iterator[Fault]:
    """All faults of what the lock files and .dvc files of a repository name, and of the rest of DVC's cache.

    Args:
        repo: a `dvc.repo.Repo`.
    """
    named = set[Path]()
    for tracked in outputs(repo):
        if tracked.out.use_cache:
            named |= {tracked.stored(tracked.oid), *map(tracked.stored, (tracked.listing() or {}).values())}
        yield from of_output(tracked)
    yield from of_inputs(repo)
    yield from of_others(repo, named)


def outputs(repo: Any) -> list[Tracked]:
    """All outputs with a hash, by path."""
    remote = bool(repo.config["remote"])
    outs = [out for out in repo.index.outs if out.hash_info and out.protocol == "local"]
    return [Tracked(out, remote) for out in sorted(outs, key=str)]


def of_output(tracked: Tracked) -> Iterator[Fault]:
    """The faults of one output."""
    expected, tree = tracked.listing(), tracked.here()
    here = None if tree is None else _by_path(tree)
    if expected is None and here is None and tracked.of_object(tracked.oid) == MISSING:
        return
    if expected is None:
        intact = tree is not None and tree.hash_info.value == tracked.oid
        yield _of_listing(tracked, tree if intact else None)
        if here is not None and not intact:
            yield tracked.fault(tracked.root, DIFFERS, tracked.elsewhere(), tracked.taking_away(tracked.root))
        expected = here if intact else {}
        here = here if intact else None
    for name, oid in (expected or {}).items():
        yield from _of_file(tracked, name, oid, here)
    for name in sorted((here or {}).keys() - (expected or {}).keys()):
        path = tracked.root / name
        yield tracked.fault(path, "not in the lock file", "nowhere: delete it", tracked.taking_away(path))


def _of_listing(tracked: Tracked, tree: Any) -> Fault:
    """The fault of a list of files in the cache; `tree` is the workspace's if that is intact."""
    path = tracked.stored(tracked.oid)
    what = f"{tracked.of_object(tracked.oid) or DAMAGED} (the list of files in {tracked})"
    if tree is None:
        return tracked.fault(path, what, tracked.elsewhere(), tracked.taking_away(path))
    restore = partial(_fill, tracked, tracked.oid, tree.path, tree.fs)
    return tracked.fault(path, what, f"{tracked} here", restore)


def _of_file(tracked: Tracked, name: str, oid: str, here: Hashes | None) -> Iterator[Fault]:
    """The faults of one file: of its copy in the cache and of the one here, if anything of the output is here."""
    path, stored = tracked.root / name, tracked.stored(oid)
    in_cache = tracked.of_object(oid)
    intact = here is not None and here.get(name) == oid
    if in_cache == DAMAGED or (in_cache == MISSING and here is not None):
        source = f"{_shown(path)} here" if intact else tracked.elsewhere()
        mend = partial(_fill, tracked, oid, str(path), localfs) if intact else tracked.taking_away(stored)
        yield tracked.fault(stored, f"{in_cache} ({_shown(path)} in the cache of DVC)", source, mend)
    if here is not None and not intact:
        usable = tracked.out.use_cache and in_cache is None
        source = "the cache of DVC" if usable else tracked.elsewhere()
        what = DIFFERS if name in here else MISSING
        yield tracked.fault(
            path,
            what,
            source if tracked.made else f"{source}, if you have not changed it",
            tracked.taking_away(path),
        )


def of_inputs(repo: Any) -> Iterator[Fault]:
    """Inputs of stages that nothing here makes, such as `raw.input`: they have changed, or they are damaged."""
    roots = [Path(out.fspath) for out in repo.index.outs]
    seen = set[Path]()
    for stage in repo.index.stages:
        for dependency in stage.deps:
            path = Path(dependency.fspath) if dependency.protocol == "local" else None
            if path is None or not dependency.hash_info or dependency.hash_name == "params" or path in seen:
                continue
            if any(path.is_relative_to(root) for root in roots):
                continue
            seen.add(path)
            tree = Tracked(dependency, False).here()
            if tree is not None and tree.hash_info.value != dependency.hash_info.value:
                yield Fault(
                    _shown(path),
                    DIFFERS,
                    f"your data; if it is as you want it, `dvc repro` takes it ({stage.addressing})",
                )


def of_others(repo: Any, named: set[Path]) -> Iterator[Fault]:
    """The faults of objects in DVC's cache that belong to other commits or experiments; `named` are all others."""
    store = repo.cache.local
    for path in sorted(Path(store.path).glob("[0-9a-f][0-9a-f]/*")):
        oid = path.parent.name + path.name.removesuffix(".dir")
        if path not in named and OID.fullmatch(oid) and hash_file(str(path), localfs, "md5")[1].value != oid:
            what = "damaged (an object of another commit or experiment)"
            yield Fault(
                _shown(path), what, "the remote, or another checkout; delete it, so that nothing uses it"
            )


def _by_path(tree: Any) -> Hashes:
    if not isinstance(tree, Tree):
        return {"": tree.hash_info.value}
    return {"/".join(key): info.value for key, _, info in tree if info is not None}


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _fill(tracked: Tracked, oid: str, path: str, system: Any) -> None:
    """Put good bytes into the cache, in place of a damaged object."""
    tracked.stored(oid).unlink(missing_ok=True)
    tracked.out.cache.add(path, system, oid)


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
