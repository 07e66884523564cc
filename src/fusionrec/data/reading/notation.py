"""How a table writes numbers and times, turned into plain decimals and ISO 8601; what does not fit stays as it is."""

import pandas as pd

DIGITS = {"ms": 3, "us": 6, "ns": 9}  # of a second, in counts since 1970
COMMA = r"^[+-]?([0-9]+|[0-9]{1,3}([. '\u00a0\u202f][0-9]{3})+)(,[0-9]+)?$"  # 1.299,00
GROUPING = r"[. '\u00a0\u202f]"


def numbers(values: pd.Series, decimal: str) -> pd.Series:
    """Numbers with a decimal comma as Python writes them: "1.299,50" becomes "1299.50".

    Args:
        values: strings, null where there is none.
        decimal: "," or "."; with the latter nothing changes.
    """
    if decimal == ".":
        return values
    written = values.str.strip()
    plain = written.str.replace(GROUPING, "", regex=True).str.replace(",", ".")
    return values.mask(written.str.fullmatch(COMMA).fillna(False).astype(bool), plain)


def times(values: pd.Series, form: str | None) -> pd.Series:
    """Times as seconds since 1970 or ISO 8601 in UTC.

    Args:
        values: strings, null where there is none.
        form: ms, us or ns: thousandths and so on of a second since 1970; a format of `datetime.strptime`, such as
            "%d.%m.%Y %H:%M"; None: they are in seconds or ISO 8601 already.
    """
    if form is None:
        return values
    if form in DIGITS:
        whole = values.str.fullmatch(rf"-?[0-9]{{{DIGITS[form] + 1},}}").fillna(False).astype(bool)
        return values.mask(whole, values.str.slice(stop=-DIGITS[form]))
    parsed = pd.to_datetime(values.str.strip(), format=form, errors="coerce", utc=True)
    written = parsed.dt.strftime("%Y-%m-%dT%H:%M:%SZ").astype("str")
    return values.mask(parsed.notna(), written)
