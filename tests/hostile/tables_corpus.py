"""Bad tables: a good small data set of each layout, spoilt in one way, and what must come of it."""

import codecs
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

HEADER = "item_id,title,description,genres,year\n"
GOOD_ITEMS = HEADER + "".join(f"i{n},Title {n},About {n},A|B,199{n}\n" for n in range(4))
LOG_HEADER = "user_id,item_id,timestamp,rating\n"
GOOD_LOG = LOG_HEADER + "".join(f"u{n % 2},i{n},{1000 + n},5\n" for n in range(4))
ROWS = 4  # good ones in each table; what is added to them starts with row 5
FORMULA = "=cmd|'/c calc'!A1"
LONG = "x" * 10_000_000
BINARY = bytes(range(256)) * 40


class Case(NamedTuple):
    """Files, and either the error that they end in or the rows that leave, as (table, row, reason).

    Attributes:
        files: name -> bytes, instead of the good ones.
        error: a pattern of the one message.
        rejected: by `read` and `clean` together; no other row leaves.
        titles: by item id, of some clean items.
        arrange: last changes to the folder.
    """

    files: dict[str, bytes]
    error: str | None = None
    rejected: list[tuple[str, int, str]] = []  # noqa: RUF012  (never changed)
    titles: dict[str, str] = {}  # noqa: RUF012
    arrange: Callable[[Path], None] | None = None


def items(*rows: str, **result: Any) -> Case:
    """Rows after the good items."""
    return Case({"items.csv": (GOOD_ITEMS + "".join(rows)).encode()}, **result)


def renamed(column: str, name: str, error: str) -> Case:
    """The good items under another header."""
    return Case({"items.csv": GOOD_ITEMS.replace(column, name, 1).encode()}, error)


def log(*rows: str, **result: Any) -> Case:
    """Rows after the good interactions."""
    return Case({"interactions.csv": (GOOD_LOG + "".join(rows)).encode()}, **result)


def differently(item: str, logged: str) -> Case:
    """An interaction whose item is written differently from the row of the item."""
    tables = {"items.csv": f"{GOOD_ITEMS}{item},a,,,\n", "interactions.csv": f"{GOOD_LOG}u0,{logged},9,5\n"}
    reasons = _left("interactions", "item_id_written_differently")
    return Case({name: table.encode() for name, table in tables.items()}, **reasons)


def _left(table: str, *reasons: str) -> dict[str, Any]:
    return {"rejected": [(table, ROWS + 1 + n, reason) for n, reason in enumerate(reasons)]}


def _link(name: str) -> Callable[[Path], None]:
    def arrange(folder: Path) -> None:
        (folder / name).rename(folder.parent / "elsewhere")
        (folder / name).symlink_to(folder.parent / "elsewhere")

    return arrange


def _folder(name: str) -> Callable[[Path], None]:
    def arrange(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return arrange


def _pipe(name: str) -> Callable[[Path], None]:
    def arrange(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return arrange


CSV: dict[str, Case] = {
    "good": Case({}),
    # encodings
    "byte_order_mark": Case({"items.csv": codecs.BOM_UTF8 + GOOD_ITEMS.encode()}),
    "utf_16": Case({"items.csv": GOOD_ITEMS.encode("utf-16")}, r"items\.csv, line 1: not UTF-8"),
    "utf_16_unmarked": Case({"items.csv": GOOD_ITEMS.encode("utf-16-le")}, r"items\.csv: no column 'item_id'"),
    "latin_1": Case({"items.csv": (GOOD_ITEMS + "i9,Café,,,\n").encode("latin-1")}, r"items\.csv, line 6: not UTF-8"),
    "mixed_encodings": Case(
        {"items.csv": (GOOD_ITEMS + "i8,Café,,,\n").encode() + "i9,Café,,,\n".encode("cp1252")},
        r"items\.csv, line 7: not UTF-8",
    ),
    "latin_1_in_ids": Case({"interactions.csv": GOOD_LOG.encode() + b"\xfc,i1,1,\n"}, r"interactions\.csv, line 6: n"),
    "emoji_and_scripts": items("i9,👩‍👩‍👧 日本 עברית,,,\n", titles={"i9": "👩‍👩‍👧 日本 עברית"}),
    "binary": Case({"items.csv": BINARY}, r"items\.csv.*(not UTF-8|no column)"),
    "zipped": Case({"items.csv": gzip.compress(GOOD_ITEMS.encode())}),
    "workbook": Case({"items.csv": b"PK\x03\x04" + BINARY}, r"items\.csv: not text, but .* a workbook; save .* as CSV"),
    # characters
    "nul_in_title": items("i9,a\0b,,,\n", titles={"i9": "ab"}),
    "nul_in_id": items("i\x009,a,,,\n", **_left("items", "control_character_in_id")),
    "quoted_newline_in_title": items('i9,"two\nlines",,,\n', titles={"i9": "two lines"}),
    "quoted_newline_in_id": items('"i\n9",a,,,\n', **_left("items", "control_character_in_id")),
    "html": items("i9,<script>alert(1)</script><b>Tea</b> &amp; co,,,\n", titles={"i9": "Tea & co"}),
    "formula_in_title": items(f"i9,{FORMULA},,,\n", titles={"i9": FORMULA}),
    "formula_in_number": items(f"i9,a,,,{FORMULA}\n", **_left("items", "bad_number_year")),
    "formula_as_id": items(f"{FORMULA},a,,,\n", titles={FORMULA: "a"}),
    # structure
    "crlf": Case({"items.csv": GOOD_ITEMS.replace("\n", "\r\n").encode()}),
    "lone_cr": Case({"items.csv": GOOD_ITEMS.replace("\n", "\r").encode()}),
    "no_last_line_end": Case({"items.csv": GOOD_ITEMS.rstrip().encode()}),
    "blank_lines": Case({"items.csv": GOOD_ITEMS.replace("\n", "\n\n").encode()}),
    "open_quote": items('i8,"a,,,\ni9,b,,,\n', error=r"items\.csv, line 6: a quote is opened"),
    "open_quote_in_last_column": items('i8,a,,,"1\ni9,b,,,2\n', error=r"items\.csv, line 6: a quote is opened"),
    "two_stray_quotes": items(
        'i7,a,,,"\ni8,b,,,1\ni9,c,,,"\n', rejected=[("items", 5, "swallowed_by_a_quote")] * 3
    ),
    "two_stray_quotes_in_the_log": log(
        'u1,i1,1,"\nu0,i1,2,\nu1,i2,3,"5\n', rejected=[("interactions", 5, "swallowed_by_a_quote")] * 3
    ),
    "stray_quote": items('i9,5" nails,,,\n', titles={"i9": '5" nails'}),
    "row_too_short": items("i9,a\n", error=r"items\.csv, row 5 below the header: 2 values instead of 5 in 'i9,a'"),
    "row_too_long": items("i9,a,,,1,2\n", error=r"items\.csv, row 5 below the header: 6 values instead of 5"),
    "semicolons": Case({"items.csv": GOOD_ITEMS.replace(",", ";").encode()}, r"one of: 'item_id;title;"),
    "missing_column": renamed("title", "name", r"no column 'title'; set raw\."),
    "column_in_other_case": renamed("item_id", "Item_ID", "no column 'item_id'"),
    "doubled_column": renamed("genres", "title", "more than one column 'title'"),
    "several_columns_missing": Case(
        {"items.csv": b"a,title,b\n1,2,3\n"},
        r"no column 'item_id'; set raw\.files\.columns\.item to one of: 'a', 'title', 'b'; likewise 'descr",
    ),
    "ragged_and_not_utf8": Case(
        {"items.csv": GOOD_ITEMS.encode() + b"i9,\xff\n"}, r"items\.csv.*(2 values instead of 5|line 6: not UTF-8)"
    ),
    "id_as_a_float": differently("7", "7.0"),
    "id_that_lost_its_zeros": differently("007", "7"),
    "padded_id": differently("a", "a  "),
    "id_in_another_case": differently("Ab", "aB"),
    "id_in_another_unicode_form": differently("\u00e9", "e\u0301"),
    "list_literals": items("i9,a,,\"['Malbec', 'Merlot']\",\n", titles={"i9": "a"}),
    "header_only": Case({"items.csv": HEADER.encode()}, r"items\.csv: no rows"),
    "no_header": Case({"items.csv": GOOD_ITEMS.removeprefix(HEADER).encode()}, r"no column 'item_id'"),
    "empty": Case({"interactions.csv": b""}, r"interactions\.csv: empty"),
    "white_space_only": Case({"interactions.csv": b"  \n \n"}, r"interactions\.csv: no column"),
    "ten_megabyte_cell": items(f"i9,a,{LONG},,\n", titles={"i9": "a"}),
    "ten_megabyte_id": items(f"{LONG},a,,,\n", **_left("items", "too_long_id")),
    "many_columns": Case({"items.csv": (",".join(["c"] * 20_000) + "\n").encode()}, "no column 'item_id'"),
    # ids
    "doubled_id": items("i1,again,,,\n", **_left("items", "duplicate_id"), titles={"i1": "Title 1"}),
    "nan_as_item": items("NaN,a,,,\nnull,a,,,\nNone,b,,,\n", **_left("items", *["placeholder_id"] * 3)),
    "nan_as_user": log("nan,i1,1,5\n<NA>,i1,1,\n", **_left("interactions", *["placeholder_user_id"] * 2)),
    "no_item": items(',a,,,\n"",b,,,\n  ,c,,,\n', **_left("items", *["missing_id"] * 3)),
    "no_user_or_item": log(
        ",i1,1,5\nu1,,1,5\n , ,1,\n",
        **_left("interactions", "missing_user_id", "missing_item_id", "missing_user_id"),
    ),
    "ids_like_paths": items(
        "../../x,a,,,\na/b,b,,,\nC:\\x,c,,,\n/etc/passwd,d,,,\n~,e,,,\n$(id),f,,,\n",
        titles={"../../x": "a", "a/b": "b", "C:\\x": "c", "/etc/passwd": "d", "~": "e", "$(id)": "f"},
    ),
    "very_long_id": items("y" * 5000 + ",a,,,\n", **_left("items", "too_long_id")),
    "ids_that_differ_by_case": items("I1,upper,,,\n", titles={"i1": "Title 1", "I1": "upper"}),
    "ids_that_differ_by_normal_form": items("\u00e9,a,,,\ne\u0301,b,,,\n", titles={"\u00e9": "a", "e\u0301": "b"}),
    "numbers_as_ids": items("1,a,,,\n01,b,,,\n1.0,c,,,\n", titles={"1": "a", "01": "b", "1.0": "c"}),
    "unknown_item": log("u1,i77,1,5\n", **_left("interactions", "unknown_item")),
    "doubled_row": log("u1,i1,1001,5\n", **_left("interactions", "duplicate_pair")),
    # times and numbers
    "negative_time": log("u0,i1,-1,5\n", **_left("interactions", "timestamp_before_1970")),
    "time_zero": log("u0,i1,0,5\n"),
    "far_future": log("u0,i1,99999999999,5\n", **_left("interactions", "timestamp_after_2099")),
    "milliseconds": log("u0,i1,1583378629552,5\n", **_left("interactions", "timestamp_after_2099")),
    "huge_time": log("u0,i1,1e300,5\n", **_left("interactions", "timestamp_after_2099")),
    "infinite_time": log("u0,i1,inf,5\n", **_left("interactions", "timestamp_after_2099")),
    "negative_infinite_time": log("u0,i1,-inf,5\n", **_left("interactions", "timestamp_before_1970")),
    "words_for_times": log("u0,i1,yesterday,5\nu0,i3,,5\n", **_left("interactions", *["unreadable_timestamp"] * 2)),
    "dates_for_times": log("u0,i1,2020-02-30,5\nu0,i3,2020-02-28T10:00Z,5\n",
                           **_left("interactions", "unreadable_timestamp")),
    "infinite_number": items("i8,a,,,inf\ni9,a,,,-Infinity\n", **_left("items", *["bad_number_year"] * 2)),
    "words_for_numbers": items("i8,a,,,old\ni9,a,,,0x1F\n", **_left("items", *["bad_number_year"] * 2)),
    "number_beyond_float": items("i9,a,,," + "9" * 400 + "\n", **_left("items", "bad_number_year")),
    # files
    "link_out_of_the_folder": Case({}, r"leads out of .*; set raw\.files\.items", arrange=_link("items.csv")),
    "folder_for_a_file": Case({}, r"items\.csv: cannot be read", arrange=_folder("items.csv")),
    "pipe_for_a_file": Case({}, r"items\.csv: not a file", arrange=_pipe("items.csv")),
}  # fmt: skip

REVIEWS = [
    {"user_id": f"u{n % 2}", "parent_asin": f"i{n}", "rating": 5.0, "timestamp": 1_000_000_000_000 + n}
    for n in range(ROWS)
]
META = [{"parent_asin": f"i{n}", "title": f"Title {n}", "price": 9.5} for n in range(ROWS)]


def lines(records: list[Any]) -> bytes:
    """As JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def meta(*extra: bytes, **result: Any) -> Case:
    """Lines after the good metadata."""
    return Case({"meta.jsonl": lines(META) + b"\n".join(extra)}, **result)


def reviews(*extra: bytes, **result: Any) -> Case:
    """Lines after the good reviews."""
    return Case({"reviews.jsonl": lines(REVIEWS) + b"\n".join(extra)}, **result)


def _with(record: dict[str, Any], **change: Any) -> bytes:
    return json.dumps(record | change).encode()


def _without(record: dict[str, Any], key: str) -> bytes:
    return json.dumps({name: value for name, value in record.items() if name != key}).encode()


NEW, BOUGHT = META[1] | {"parent_asin": "i9"}, REVIEWS[1] | {"parent_asin": "i2"}
JSON_LINES: dict[str, Case] = {
    "good": Case({}),
    "byte_order_mark": Case({"meta.jsonl": codecs.BOM_UTF8 + lines(META)}),
    "zipped": Case({"meta.jsonl": gzip.compress(lines(META))}),
    "truncated_archive": Case({"meta.jsonl": gzip.compress(lines(META))[:-9]}, r"meta\.jsonl: the gzip archive is d"),
    "spoilt_archive": Case({"meta.jsonl": b"\x1f\x8b" + BINARY}, r"meta\.jsonl: the gzip archive is damaged"),
    "empty": Case({"meta.jsonl": b""}, r"meta\.jsonl: empty"),
    "utf_16": Case({"meta.jsonl": lines(META).decode().encode("utf-16")}, r"meta\.jsonl, line 1: not_utf8"),
    "a_csv_file": Case({"meta.jsonl": GOOD_ITEMS.encode()}, r"meta\.jsonl, line 1: not_json 'item_id,title"),
    "one_document": Case(
        {"meta.jsonl": json.dumps(META, indent=1).encode()},
        r"meta\.jsonl: a JSON array; write each object on a line"),
    "the_other_file": Case({"meta.jsonl": lines([{"a": 1}])}, r"line 1: missing_asin 'a', and no other"),
    "binary": Case({"meta.jsonl": BINARY}, r"meta\.jsonl, line 1: not"),
    "broken_line": meta(b'{"parent_asin": "i9"', **_left("items", "not_json")),
    "blank_line": meta(b"", b"", **_left("items", "not_json")),
    "array": meta(b'["i9"]', b"17", b'"i9"', b"null", **_left("items", *["not_an_object"] * 4)),
    "two_objects": meta(_with(NEW) + _with(NEW), **_left("items", "not_json")),
    "latin_1_line": meta('{"parent_asin": "é"}'.encode("latin-1"), **_left("items", "not_utf8")),
    "deep_nesting": meta(b'{"parent_asin": "i9", "x": ' + b"[" * 200_000, **_left("items", "nested_too_deeply")),
    "deep_objects": meta(b'{"parent_asin": "i9", "x": ' + b'{"a":' * 200_000, **_left("items", "nested_too_deeply")),
    "huge_integer": meta(b'{"parent_asin": "i9", "x": ' + b"9" * 5000 + b"}", **_left("items", "not_json")),
    "not_a_number": reviews(
        b'{"user_id": "u1", "parent_asin": "i2", "rating": NaN, "timestamp": 1}', **_left("interactions", "not_json")
    ),
    "infinity": meta(b'{"parent_asin": "i9", "price": Infinity}', **_left("items", "not_json")),
    "lone_surrogate": meta(b'{"parent_asin": "i9", "title": "\\ud800"}', **_left("items", "lone_surrogate")),
    "surrogate_as_id": reviews(_with(BOUGHT, user_id="\udc00"), **_left("interactions", "lone_surrogate")),
    "number_as_id": meta(_with(NEW, parent_asin=7), **_left("items", "bad_parent_asin")),
    "no_user": reviews(_without(BOUGHT, "user_id"), _with(BOUGHT, user_id=None), _with(BOUGHT, user_id=""),
                       **_left("interactions", "missing_user_id", "bad_user_id", "missing_user_id")),
    "nan_as_id": meta(_with(NEW, parent_asin="NaN"), **_left("items", "placeholder_id")),
    "nul_in_id": meta(_with(NEW, parent_asin="\0"), **_left("items", "control_character_in_id")),
    "no_time": reviews(_without(BOUGHT, "timestamp"), **_left("interactions", "missing_timestamp")),
    "words_for_time": reviews(_with(BOUGHT, timestamp="now"), **_left("interactions", "bad_timestamp")),
    "huge_time": reviews(_with(BOUGHT, timestamp=1e300), _with(BOUGHT, timestamp=10**300),
                         **_left("interactions", "bad_timestamp", "timestamp_after_2099")),
    "negative_time": reviews(_with(BOUGHT, timestamp=-1), **_left("interactions", "timestamp_before_1970")),
    "flag_for_rating": reviews(_with(BOUGHT, rating=True), **_left("interactions", "bad_rating")),
    "list_for_title": meta(_with(NEW, title=["a"]), **_left("items", "bad_title")),
    "object_for_features": meta(_with(NEW, features={"a": 1}), **_left("items", "bad_features")),
    "numbers_for_categories": meta(_with(NEW, categories=[1, [2]]), **_left("items", "bad_categories")),
    "doubled_key": meta(b'{"parent_asin": "i8", "parent_asin": "i9", "title": "last"}', titles={"i9": "last"}),
    "doubled_item": meta(_with(META[1], title="again"), **_left("items", "duplicate_id"), titles={"i1": "Title 1"}),
    "html": meta(_with(NEW, title="<b>Tea</b><script>x</script>"), titles={"i9": "Tea"}),
    "ids_like_paths": meta(_with(NEW, parent_asin="../../x"), titles={"../../x": "Title 1"}),
    "ten_megabyte_string": meta(_with(NEW, description=[LONG]), **_left("items", "line_too_long")),
    "unknown_item": reviews(_with(BOUGHT, parent_asin="i77"), **_left("interactions", "unknown_item")),
    "link_out_of_the_folder": Case({}, r"leads out of .*; set raw\.amazon\.metadata", arrange=_link("meta.jsonl")),
    "folder_for_a_file": Case({}, r"meta\.jsonl: cannot be read", arrange=_folder("meta.jsonl")),
    "pipe_for_a_file": Case({}, r"meta\.jsonl: not a file", arrange=_pipe("meta.jsonl")),
}  # fmt: skip
