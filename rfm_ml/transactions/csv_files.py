"""Delimited text as a raw table: separator, encoding and broken lines found and said, nothing guessed away."""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa

from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.transactions.engine import literal, new_name, one_row, quoted, register
from rfm_ml.transactions.files import FILE_STRIDE, SOURCE, RawLog, file_names, unique_names

_SEPARATORS = (",", ";", "\t", "|")
_BATCH = 100_000
_LONGEST_RECORD = 100
"""A quote still open after so many lines was never meant to be one."""


def load_csv(con: Any, files: list[Path], *, separator: str | None = None, encoding: str | None = None) -> RawLog:
    """Load delimited text (plain or gzipped) with every column as text, so that nothing is guessed away.

    A regular file is read by the engine. One with broken lines, blank lines, line breaks inside quotes or another
    encoding than UTF-8 is read line by line, which is slower: every row keeps the number of its line, and a quote that
    is never closed costs one line instead of all that follow.
    """
    layouts = [_Layout.of(file, separator=separator, encoding=encoding) for file in files]
    first = layouts[0]
    names = file_names(files)
    for layout, name in zip(layouts, names, strict=True):
        if set(layout.columns) != set(first.columns):
            different = ", ".join(sorted(set(layout.columns) ^ set(first.columns)))
            raise DataError(
                f"All files of one source must have the same columns. {name!r} differs from {names[0]!r} in: "
                f"{different}. Fix the file or load it as a study of its own."
            )
    table, unreadable = new_name(), []
    columns = ", ".join(f"{quoted(c)} VARCHAR" for c in first.columns)
    con.con.execute(f"CREATE TEMP TABLE {table} ({columns}, {SOURCE} BIGINT)")
    for number, layout in enumerate(layouts):
        unreadable += _append(con.con, table, layout, start=number * FILE_STRIDE)
    notes = dict.fromkeys(n for layout in layouts for n in layout.notes)
    repeated = frozenset(n for layout in layouts for n in layout.repeated)
    return RawLog(con, con.table(table), first.columns, tuple(files), tuple(unreadable), tuple(notes), repeated)


def csv_columns(file: Path, *, separator: str | None = None, encoding: str | None = None) -> tuple[str, ...]:
    """Return the column names of a file without reading its rows into the engine."""
    return _Layout.of(file, separator=separator, encoding=encoding).columns


@dataclass(frozen=True)
class _Layout:
    """How a file is written."""

    file: Path
    columns: tuple[str, ...]
    repeated: frozenset[str]
    separator: str
    encoding: str
    line_ends: int | None
    notes: tuple[str, ...]

    @classmethod
    def of(cls, file: Path, *, separator: str | None, encoding: str | None) -> "_Layout":
        name, line_ends = _find_encoding(file, given=encoding)
        note = () if encoding or name == "utf-8-sig" else (f"{file.name} is not UTF-8: it was read as {name}.",)
        line = _first_line(file, name)
        if not line.strip():
            raise DataError(
                f"A CSV file must begin with a line of column names. {file.name!r} is empty or begins with a "
                "blank line. Export it again with a header."
            )
        sep = separator or max(_SEPARATORS, key=lambda s: _count_outside_quotes(line, s))
        columns, repeated = unique_names(next(csv.reader([line], delimiter=sep)))
        return cls(file, columns, repeated, sep, name, line_ends, note)


def _append(native: Any, table: str, layout: _Layout, *, start: int) -> list[tuple[int, str]]:
    """Add a file's rows to the table; return the lines that could not be cut into columns."""
    names = ", ".join(quoted(c) for c in layout.columns)
    if layout.line_ends is not None and _read_regular(native, table, layout, start=start):
        return []
    native.execute(f"DELETE FROM {table} WHERE {SOURCE} > {start}")
    bad: list[tuple[int, str]] = []
    with open_plain(layout.file) as stream:
        batches = read_lines(stream, layout.columns, separator=layout.separator, encoding=layout.encoding, bad=bad)
        for batch in batches:
            register(native, "_batch", batch)
            native.execute(f"INSERT INTO {table} ({names}, {SOURCE}) SELECT {names}, _line + {start} FROM _batch")
            native.unregister("_batch")
    return [(start + line, reason) for line, reason in bad]


def _read_regular(native: Any, table: str, layout: _Layout, *, start: int) -> bool:
    """Let the engine read a UTF-8 file; False if its rows are not simply its lines."""
    names = ", ".join(quoted(c) for c in layout.columns)
    types = ", ".join(f"{literal(c)}: 'VARCHAR'" for c in layout.columns)
    try:
        native.execute(
            f"INSERT INTO {table} ({names}, {SOURCE}) SELECT {names}, row_number() OVER () + 1 + {start} "
            f"FROM read_csv({literal(str(layout.file))}, auto_detect = false, header = true, quote = '\"', "
            f"escape = '\"', delim = {literal(layout.separator)}, columns = {{{types}}})"
        )
    except duckdb.Error:
        return False
    (rows,) = one_row(native, f"SELECT count(*) FROM {table} WHERE {SOURCE} > {start}")
    return bool(rows + 1 == layout.line_ends)


def open_plain(file: Path) -> IO[bytes]:
    """Open a file for its bytes, unpacked if it is gzipped."""
    return gzip.open(file) if file.suffix == ".gz" else file.open("rb")  # type: ignore[return-value]


def _chunks(file: Path) -> Iterator[bytes]:
    try:
        with open_plain(file) as stream:
            while chunk := stream.read(1 << 24):
                yield chunk
    except (OSError, EOFError, zlib.error):
        raise DataError(
            f"The file must be whole. {file.name!r} is cut off or not gzipped at all. Download it again."
        ) from None


def _find_encoding(file: Path, *, given: str | None) -> tuple[str, int | None]:
    """Return the encoding and, for UTF-8, how many lines the file has; single bytes are taken as Windows-1252."""
    try:
        wanted = codecs.lookup(given).name if given else "utf-8"
    except LookupError:
        raise ParamsError(f"encoding must be one Python knows, as in utf-8 or latin-1. Got {given!r}.") from None
    decoder = codecs.getincrementaldecoder(wanted)()
    ends, last = 0, b""
    try:
        for index, chunk in enumerate(_chunks(file)):
            if index == 0 and given is None and chunk[:2] in (b"\xff\xfe", b"\xfe\xff"):
                return "utf-16", None
            decoder.decode(chunk)
            ends += chunk.count(b"\n")
            last = chunk[-1:]
        decoder.decode(b"", final=True)
    except UnicodeError:
        if given:
            raise DataError(
                f"The file must be written in the encoding of the params. {file.name!r} is not {given}. "
                "Remove encoding to have it found."
            ) from None
        return ("cp1252" if _decodes(file, "cp1252") else "latin-1"), None
    if wanted not in ("utf-8", "utf-8-sig", "ascii"):
        return wanted, None
    return "utf-8-sig", ends + (last != b"\n")


def _decodes(file: Path, encoding: str) -> bool:
    try:
        for chunk in _chunks(file):
            chunk.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _first_line(file: Path, encoding: str) -> str:
    with open_plain(file) as stream:
        text = codecs.getreader(encoding)(stream)
        return str(text.readline()).lstrip("\ufeff").rstrip("\r\n")


def _count_outside_quotes(line: str, separator: str) -> int:
    return sum(part.count(separator) for part in line.split('"')[::2])


def read_lines(
    stream: IO[bytes], columns: tuple[str, ...], *, separator: str, encoding: str, bad: list[tuple[int, str]]
) -> Iterator[pa.Table]:
    """Cut text line by line into columns, in batches of rows with `_line`: the number of the row's first line, from 1.

    Empty text is missing. `bad` is filled with number and reason of the lines that cannot be cut into these columns.
    DuckDB's reject tables do not replace this: docs/adr/0009.
    """
    rows: list[list[str]] = []
    numbers: list[int] = []
    for number, fields in _records(_lines(stream, encoding), separator=separator, width=len(columns)):
        if isinstance(fields, str):
            bad.append((number, fields))
            continue
        rows.append(fields)
        numbers.append(number)
        if len(rows) == _BATCH:
            yield _table(rows, numbers, columns)
            rows, numbers = [], []
    if rows:
        yield _table(rows, numbers, columns)


def _lines(stream: IO[bytes], encoding: str) -> Iterator[str]:
    with io.TextIOWrapper(stream, encoding=encoding, newline=None) as text:
        next(text, None)
        for line in text:
            yield line.removesuffix("\n")


def _records(lines: Iterator[str], *, separator: str, width: int) -> Iterator[tuple[int, list[str] | str]]:
    """Give the line number and the fields of every record, or the reason why there are none."""
    waiting: list[str] = []
    number = 1
    while True:
        line = waiting.pop(0) if waiting else next(lines, None)
        number += 1
        if line is None:
            return
        if not line:
            continue
        fields = _cut(line, separator)
        more: list[str] = []
        while fields is None and len(more) < _LONGEST_RECORD:
            following = waiting[len(more)] if len(more) < len(waiting) else next(lines, None)
            if following is None:
                break
            if len(more) == len(waiting):
                waiting.append(following)
            more.append(following)
            fields = _cut("\n".join([line, *more]), separator)
        if fields is None or (more and _reason(fields, width)):
            # Whatever the quote swallowed is read again by itself.
            yield number, "a quote is not closed"
            continue
        yield number, _reason(fields, width) or fields[:width]
        del waiting[: len(more)]
        number += len(more)


def _cut(record: str, separator: str) -> list[str] | None:
    """Return the fields of a record; None while a quote is open; a single field if quotes are misplaced."""
    if '"' not in record:
        return record.split(separator)
    try:
        return next(csv.reader(io.StringIO(record, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        return None if "unexpected end" in str(error) else []


def _reason(fields: list[str], width: int) -> str | None:
    if len(fields) == width + 1 and fields[-1] == "":
        return None  # a separator at the end of the line
    if not fields:
        return "text after a closing quote"
    if len(fields) < width:
        return f"too few columns ({len(fields)} of {width})"
    return f"too many columns ({len(fields)} in place of {width})" if len(fields) > width else None


def _table(rows: list[list[str]], numbers: list[int], columns: tuple[str, ...]) -> pa.Table:
    values = {
        name: pa.array([v or None for v in column], pa.string())
        for name, column in zip(columns, zip(*rows, strict=True), strict=True)
    }
    return pa.table(values | {"_line": pa.array(numbers, pa.int64())})
