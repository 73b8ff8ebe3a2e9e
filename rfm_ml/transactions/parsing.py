"""Dates and amounts written as text: the format is given or found, never silently guessed."""

from dataclasses import dataclass
from typing import Any

import duckdb

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.core.text import count
from rfm_ml.transactions.engine import literal, one_row

_TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_ISO = r"^\d{4}-\d{1,2}-\d{1,2}"
_OFFSET = r":.*(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)$"
_NAIVE = r"^[0-9-]+([T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?$"  # a zone we do not know must not be passed over

_FAMILIES: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    # family: (pattern of the text, reading: date formats). Two readings = day and month can be swapped.
    "dotted": (r"^\d{1,2}\.\d{1,2}\.\d{4}", {"day.month.year": ("%d.%m.%Y",)}),
    "dotted, short year": (r"^\d{1,2}\.\d{1,2}\.\d{2}(\D|$)", {"day.month.year": ("%d.%m.%y",)}),
    "slashes": (r"^\d{1,2}/\d{1,2}/\d{4}", {"day/month/year": ("%d/%m/%Y",), "month/day/year": ("%m/%d/%Y",)}),
    "slashes, short year": (
        r"^\d{1,2}/\d{1,2}/\d{2}(\D|$)",
        {"day/month/year": ("%d/%m/%y",), "month/day/year": ("%m/%d/%y",)},
    ),
    "dashes": (r"^\d{1,2}-\d{1,2}-\d{4}", {"day-month-year": ("%d-%m-%Y",), "month-day-year": ("%m-%d-%Y",)}),
    "year first": (r"^\d{4}/\d{1,2}/\d{1,2}", {"year/month/day": ("%Y/%m/%d",)}),
    "compact": (r"^\d{8}(\D|$)", {"YYYYMMDD": ("%Y%m%d",)}),
    "named month": (
        r"^(\d{1,2}[ -]?[A-Za-z]{3,9}|[A-Za-z]{3,9} \d{1,2})",
        {
            "month by name": (
                "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
            )
        },
    ),
}  # fmt: skip


@dataclass(frozen=True)
class TextColumn:
    """An SQL expression that reads a text column, and a note on how it was read."""

    sql: str
    note: str | None = None


def read_dates(con: Any, table: str, column: str, *, formats: list[str] | None, time_zone: str) -> TextColumn:
    """Find how dates are written in a text column (quoted name) of an engine table, by strptime formats if given.

    `unix` and `unix_ms` are epoch times. Instants with an offset are brought to the study's time zone.
    """
    text = f"trim({column})"
    if formats:
        for date_format in formats:
            _require_format(con, date_format)
        return TextColumn("coalesce(" + ", ".join(_read_as(text, f, time_zone) for f in formats) + ")")
    counts = _count(con, table, {"iso": _matches(text, _ISO)} | {f: _matches(text, p[0]) for f, p in _FAMILIES.items()})
    branches, notes = [], []
    for family, (pattern, readings) in _FAMILIES.items():
        if not counts[family]:
            continue
        reading = _pick_reading(con, table, text, family=family, column=column)
        branches.append(f"WHEN {_matches(text, pattern)} THEN {_strptime(text, readings[reading])}")
        notes.append(f"{count(counts[family], 'date')} written as {reading}")
    iso = f"WHEN {_matches(text, _ISO)} THEN {_iso(text, time_zone)}" if counts["iso"] else ""
    if not iso and not branches:
        return TextColumn("NULL::TIMESTAMP")
    return TextColumn(f"CASE {iso} {' '.join(branches)} END", "; ".join(notes) + "." if notes else None)


def _pick_reading(con: Any, table: str, text: str, *, family: str, column: str) -> str:
    pattern, readings = _FAMILIES[family]
    if len(readings) == 1:
        return next(iter(readings))
    parsed = {name: _strptime(text, formats) for name, formats in readings.items()}
    (one, one_sql), (two, two_sql) = parsed.items()
    of_family = _matches(text, pattern)
    counts = _count(
        con,
        table,
        {
            "one": f"{of_family} AND {one_sql} IS NOT NULL",
            "two": f"{of_family} AND {two_sql} IS NOT NULL",
            "only_one": f"{of_family} AND {one_sql} IS NOT NULL AND {two_sql} IS NULL",
            "only_two": f"{of_family} AND {two_sql} IS NOT NULL AND {one_sql} IS NULL",
            "differ": f"{of_family} AND {one_sql} <> {two_sql}",
        },
    )
    if counts["only_one"] and not counts["only_two"]:
        return one
    if counts["only_two"] and not counts["only_one"]:
        return two
    if not counts["differ"] and not counts["only_one"]:
        return one
    examples = con.execute(
        f"SELECT min({text}) FROM {table} WHERE {of_family} AND {one_sql} <> {two_sql} HAVING count(*) > 0"
    ).fetchall()
    shown = f" such as {examples[0][0]!r}" if examples else ""
    both = "some only fit one and some only the other" if counts["only_one"] else "every one fits both"
    raise DataError(
        f"Dates must be readable in one way. Those in {column}{shown} can be {one} or {two} ({both}). "
        f"Set date_format in the params, for example '{readings[one][0]}'."
    )


def _strptime(text: str, dates: tuple[str, ...]) -> str:
    formats = ", ".join(f"'{d}{t}'" for d in dates for t in _TIMES)
    return f"try_strptime({text}, [{formats}])"


def _iso(text: str, time_zone: str) -> str:
    instant = f"try_cast(regexp_replace({text}, ' ([+-])', '\\1') AS TIMESTAMPTZ)"  # shops write "10:00:00 +0200"
    return (
        f"CASE WHEN {_matches(text, _OFFSET)} "
        f"THEN timezone({literal(time_zone)}, {instant}) "
        f"WHEN {_matches(text, _NAIVE)} THEN try_cast({text} AS TIMESTAMP) END"
    )


def _require_format(con: Any, date_format: str) -> None:
    if date_format in ("iso", "unix", "unix_ms"):
        return
    try:
        one_row(con, f"SELECT try_strptime('', {literal(date_format)}) IS NULL")
        usable = "%" in date_format
    except duckdb.Error:
        usable = False
    if not usable:
        raise ParamsError(
            "date_format must be made of signs such as %d, %m and %Y, or be iso, unix or unix_ms. "
            f"Got {date_format!r}. 31.12.2025 is '%d.%m.%Y', 12/31/2025 14:05 is '%m/%d/%Y %H:%M'."
        )


def _read_as(text: str, date_format: str, time_zone: str) -> str:
    zone = literal(time_zone)
    if date_format in ("unix", "unix_ms"):
        scale = 1 if date_format == "unix" else 1000
        # Beyond these seconds there is no date: the engine would stop instead of giving none.
        seconds = f"try_cast({text} AS DOUBLE) / {scale}"
        return f"CASE WHEN {seconds} BETWEEN -3e10 AND 2e11 THEN timezone({zone}, to_timestamp({seconds})) END"
    if date_format == "iso":
        return _iso(text, time_zone)
    read = f"try_strptime({text}, {literal(date_format)})"
    return f"timezone({zone}, {read})" if "%z" in date_format or "%Z" in date_format else read


_CURRENCY = r"([A-Z]{0,2}[€$£¥₹₽₺₩₪]|[A-Z]{3}|zł|kr|Kč)"
_POINT = r"[-+]?(\d+|\d{1,3}(,\d{3})+)?(\.\d*)?([eE][-+]?\d+)?-?"
_COMMA = r"[-+]?(\d+|\d{1,3}([. '\x{2019}]\d{3})+)?(,\d*)?-?"


def read_amounts(con: Any, table: str, column: str, *, decimal: str | None) -> TextColumn:
    """Find how amounts are written in a text column: decimal sign if not given, currency sign, brackets."""
    plain = f"trim(replace(replace(replace({column}, chr(160), ' '), chr(8239), ' '), chr(8722), '-'))"
    symbol = f"regexp_extract({plain}, '{_CURRENCY}', 1)"
    # The currency's sign can stand before or after the number, inside or outside brackets and minus.
    number = f"regexp_replace({plain}, '^([-(]?) *{_CURRENCY} *|{_CURRENCY}(\\)?)$', '\\1\\4')"
    bare = f"regexp_replace(trim({number}), '^\\((.*?) *\\)$', '-\\1')"
    has_digit = f"regexp_matches({bare}, '\\d')"
    point, comma = (f"{has_digit} AND {_matches(bare, f'^{p}$')}" for p in (_POINT, _COMMA))
    _one_currency(con, table, column, symbol=symbol, counts_if=f"({point}) OR ({comma})")
    sign = decimal or _find_decimal(con, table, column, point=f"({point})", comma=f"({comma})")
    if sign == ",":
        digits = f"replace(regexp_replace({bare}, '[. ''\\x{{2019}}]', '', 'g'), ',', '.')"
        fits = comma
    else:
        digits, fits = f"replace({bare}, ',', '')", point
    signed = f"regexp_replace({digits}, '^(.*\\d)-$', '-\\1')"
    note = "Amounts were read with a decimal comma." if sign == "," and decimal is None else None
    return TextColumn(f"CASE WHEN {fits} THEN try_cast({signed} AS DECIMAL(18, 4)) END", note)


def _find_decimal(con: Any, table: str, column: str, *, point: str, comma: str) -> str:
    counts = _count(
        con,
        table,
        {
            "point": f"{point} AND NOT {comma}",
            "comma": f"{comma} AND NOT {point}",
            "unclear": f"{point} AND {comma} AND regexp_matches({column}, '\\d[.,]\\d')",
        },
    )
    # A few odd values are left to quarantine; where both ways are common, a person must say.
    if counts["comma"] > 20 * counts["point"]:
        return ","
    if counts["point"] > 20 * counts["comma"] or not (counts["point"] or counts["comma"] or counts["unclear"]):
        return "."
    got = (
        f"{counts['point']:,} with a point and {counts['comma']:,} with a comma"
        if counts["point"] or counts["comma"]
        else f"only values like 1.234 or 1,234 ({counts['unclear']:,})"
    )
    raise DataError(
        f"Amounts must have one decimal sign. In {column} we found {got}. Set decimal: '.' or ',' in the params."
    )


def _one_currency(con: Any, table: str, column: str, *, symbol: str, counts_if: str) -> None:
    symbols = con.execute(
        f"SELECT DISTINCT {symbol} AS s FROM {table} WHERE ({counts_if}) AND {symbol} <> '' ORDER BY 1 LIMIT 5"
    ).fetchall()
    if len(symbols) > 1:
        signs = ", ".join(s for (s,) in symbols)
        raise DataError(
            f"Amounts must be in one currency. Those in {column} carry {signs}. "
            "Split the currency into a column of its own, map it as currency and give rates."
        )


def _count(con: Any, table: str, conditions: dict[str, str]) -> dict[str, int]:
    parts = ", ".join(f"count(*) FILTER ({condition})" for condition in conditions.values())
    row = one_row(con, f"SELECT {parts} FROM {table}")
    return dict(zip(conditions, row, strict=True))


def _matches(text: str, pattern: str) -> str:
    return f"regexp_matches({text}, '{pattern.replace(chr(39), chr(39) * 2)}')"
