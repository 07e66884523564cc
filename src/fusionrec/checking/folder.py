"""What a folder holds: tables with a sample of their rows, folders of pictures, and files that cannot be used."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyarrow import parquet

from fusionrec.data.reading import jsonl, opening, quotes, tables
from fusionrec.data.reading.tables import Format
from fusionrec.errors import UserError

SAMPLE = 100_000  # rows of a table that are looked at
SNIFFED = 200  # rows that decide about the delimiter
DELIMITERS = [",", ";", "\t", "|"]
CHUNK = 1 << 20  # bytes, or characters
REMEDIES = {
    ".xlsx": "save each sheet as CSV", ".xls": "save each sheet as CSV", ".ods": "save each sheet as CSV",
    ".zip": "unpack it", ".tar": "unpack it", ".tgz": "unpack it", ".7z": "unpack it", ".rar": "unpack it",
    ".pkl": "save it as Parquet; pickles are never read", ".feather": "save it as Parquet", ".db": "export CSV",
    ".sqlite": "export CSV", ".sqlite3": "export CSV",
}  # fmt: skip


class Table(NamedTuple):
    """A table: its path in the folder, how it is written and why that is known, and a sample.

    Attributes:
        name: relative to the folder.
        form: delimiter and encoding; numbers and times are not known yet.
        why: what the delimiter and the encoding were guessed from, by name, if there was something to guess.
        columns: name -> values of the first `SAMPLE` rows as strings, None where there is nothing. Of columns of the
            same name, the first.
        repeated: names that several columns have.
        rows: how many rows were looked at.
        whole: whether these are all.
    """

    name: str
    form: Format
    why: dict[str, str]
    columns: dict[str, list[str | None]]
    repeated: list[str]
    rows: int
    whole: bool


class Folder(NamedTuple):
    """What was found: tables; folders of pictures with their files; other files with what to do about them."""

    tables: list[Table]
    pictures: dict[str, list[str]]
    unread: dict[str, str]


def look(root: Path, extensions: list[str]) -> Folder:
    """Look at a folder and the folders inside it, two levels deep; links that lead out of it are left out.

    Args:
        root: the folder.
        extensions: of pictures, in lower case, with the dot.

    Raises:
        UserError: if it is not a folder.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    found = Folder([], {}, {})
    for path in _files(root):
        name, suffix = path.relative_to(root).as_posix(), path.suffix.lower()
        if suffix in extensions:
            found.pictures.setdefault(path.parent.relative_to(root).as_posix(), []).append(path.name)
        elif suffix in REMEDIES:
            found.unread[name] = REMEDIES[suffix]
        elif tables.kind(path):
            try:
                with quotes.long_values():
                    found.tables.append(_table(path, name))
            except UserError as error:
                found.unread[name] = str(error).removeprefix(f"{path}").lstrip(":, ")
    return found


def _files(root: Path, depth: int = 2) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or not path.resolve().is_relative_to(root.resolve()):
            continue
        if path.is_file():
            yield path
        elif path.is_dir() and depth:
            yield from _files(path, depth - 1)


def _table(path: Path, name: str) -> Table:
    plain = Format(delimiter=",", encoding="utf-8", decimal=".", time=None)
    match tables.kind(path):
        case "parquet":
            return _parquet(path, name, plain)
        case "jsonl":
            return _json_lines(path, name, plain)
    encoding, evidence = _encoding(path)
    with opening.text(path, encoding) as file:
        lines = list(islice(file, SNIFFED))
    if sum("::" in line for line in lines) >= 0.9 * len(lines) > 0:
        raise UserError(
            f"{path}: '::' stands between values, as in MovieLens 1M; write a tab there, and a first row that "
            f"names the columns: (printf 'user_id\\titem_id\\n'; sed 's/::/\\t/g' {path.name}) > {path.stem}.tsv"
        )
    delimiter = _delimiter("".join(lines))
    if delimiter is None:
        raise UserError(f"{path}: not a table: no delimiter gives rows of the same length")
    why = {"delimiter": f"rows have the same length with {delimiter!r}", "encoding": evidence}
    form = plain.model_copy(update={"delimiter": delimiter, "encoding": encoding})
    with opening.text(path, encoding) as file:
        rows = list(islice(csv.reader(file, delimiter=delimiter), SAMPLE + 2))
    head, *body = [row for row in rows if row] or [[]]
    if any(_number(value) for value in head) or not all(head):
        raise UserError(
            f"{path}: the first row is no header: {head[:6]}; write the names of the columns there"
        )
    whole, body = len(body) <= SAMPLE, body[:SAMPLE]
    columns = {
        each: [line[i] if i < len(line) else "" for line in body]
        for i, each in reversed(list(enumerate(head)))
    }
    repeated = [each for each, count in Counter(head).items() if count > 1]
    return _made(name, form, why, {each: columns[each] for each in dict.fromkeys(head)}, repeated, whole)


def _made(
    name: str, form: Format, why: dict[str, str], columns: dict[str, list[str]] | dict[str, list[str | None]],
    repeated: list[str], whole: bool,
) -> Table:  # fmt: skip
    known: dict[str, list[str | None]] = {
        key: [value or None for value in each] for key, each in columns.items()
    }
    rows = len(next(iter(known.values()), []))
    return Table(name, form, why, known, repeated, rows, whole)


def _encoding(path: Path) -> tuple[str, str]:
    """The encoding of a file, and what it was guessed from; the whole file is read."""
    with opening.binary(path) as file:
        start = file.read(4)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", "it begins with the mark of UTF-16"
    for encoding in ("utf-8", "windows-1252"):
        with opening.text(path, encoding, "strict") as text:
            try:
                while text.read(CHUNK):
                    pass
            except UnicodeError:
                continue
        return encoding, "" if encoding == "utf-8" else _evidence(path)
    return "latin-1", "it is neither UTF-8 nor Windows-1252"


def _evidence(path: Path) -> str:
    """The first line that is not UTF-8, as Windows-1252."""
    with opening.binary(path) as file:
        for number, line in enumerate(file, 1):
            if line.decode("utf-8", "replace").count("\ufffd"):
                return f"line {number} is not UTF-8, and reads {line.decode('windows-1252').strip()[:40]!r}"
    return "it is not UTF-8"


def _delimiter(text: str) -> str | None:
    """The delimiter that gives the most rows of the same length, above one value; None if none does for most rows."""
    best: tuple[float, int, str] | None = None
    for delimiter in DELIMITERS:
        lengths = Counter(len(line) for line in csv.reader(text.splitlines(), delimiter=delimiter) if line)
        (length, count), *_ = lengths.most_common(1) or [(0, 0)]
        if length > 1 and count >= 0.9 * lengths.total():
            best = max(best or (0, 0, ""), (round(count / lengths.total(), 2), length, delimiter))
    return best[2] if best else None


def _number(value: str) -> bool:
    return value.strip().lstrip("+-").replace(".", "", 1).replace(",", "", 1).isdigit()


def _parquet(path: Path, name: str, form: Format) -> Table:
    head = tables.header(path, form)
    try:
        batches = parquet.ParquetFile(path).iter_batches(SAMPLE)
        sample = pa.Table.from_batches([next(batches)])
    except StopIteration:
        raise UserError(f"{path}: no rows") from None
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: not readable as Parquet: {error}") from None
    columns = {each: _strings(sample[each]) for each in head}
    rows = parquet.read_metadata(path).num_rows
    return _made(name, form, {}, columns, [], rows <= SAMPLE)


def _strings(values: pa.ChunkedArray) -> list[str | None]:
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if pa.types.is_floating(kind):
        return [
            None if v is None or v != v else str(int(v)) if v.is_integer() else str(v)
            for v in values.to_pylist()
        ]
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return [None if value is None else value.isoformat() for value in values.to_pylist()]
    return [_string(value) for value in values.to_pylist()]


def _string(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return (
        json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)
    )


def _json_lines(path: Path, name: str, form: Format) -> Table:
    records = []
    with opening.text(path, "utf-8") as file:
        for line in islice(file, SAMPLE + 1):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                records.append(record)
    if not records:
        raise UserError(f"{path}: no line is a JSON object; write each object on a line of its own")
    keys = jsonl.keys(path)
    columns = {key: [_string(record.get(key)) for record in records[:SAMPLE]] for key in keys}
    return _made(name, form, {}, columns, [], len(records) <= SAMPLE)
