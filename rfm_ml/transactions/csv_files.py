"""Delimited text as a raw table: separator, encoding and broken lines found and said, nothing guessed away."""

import codecs
import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb
import pandas as pd

from rfm_ml.core.errors import DataError
from rfm_ml.transactions.files import FILE, ROW, RawLog, first_line

_SEPARATORS = (",", ";", "\t", "|")


def load_csv(con: Any, files: list[Path], *, separator: str | None = None, encoding: str | None = None) -> RawLog:
    """Load delimited text (plain or gzipped) with every column as text, so that nothing is guessed away.

    Raises
    ------
    DataError
        If a file is empty, has no header, or its columns differ from the first file's.
    """
    parts, notes, first = [], [], None
    native = con.con
    native.execute("SET preserve_insertion_order = true")
    for number, file in enumerate(files):
        header = _Header.read(file, separator=separator, encoding=encoding)
        notes += [n for n in header.notes if n not in notes]
        if first is None:
            first = header
        elif set(header.columns) != set(first.columns):
            different = ", ".join(sorted(set(header.columns) ^ set(first.columns)))
            raise DataError(
                f"All files of one source must have the same columns. {file.name!r} differs from "
                f"{files[0].name!r} in: {different}. Fix the file or load it as a study of its own."
            )
        parts.append(_load_one_csv(native, file, header, number))
    assert first is not None
    names = ", ".join(_quoted(c) for c in (*first.columns, ROW, FILE))
    native.execute(
        "CREATE OR REPLACE TEMP TABLE raw_csv AS "
        + " UNION ALL ".join(f"SELECT {names} FROM {table}" for table, _ in parts)
    )
    for table, _ in parts:
        native.execute(f"DROP TABLE {table}")
    unreadable = pd.concat([rejects for _, rejects in parts], ignore_index=True)
    return RawLog(con, con.table("raw_csv"), first.columns, tuple(files), unreadable, tuple(notes))


@dataclass(frozen=True)
class _Header:
    columns: tuple[str, ...]
    separator: str
    encoding: str
    notes: tuple[str, ...]

    @classmethod
    def read(cls, file: Path, *, separator: str | None, encoding: str | None) -> "_Header":
        found = encoding or _find_encoding(file)
        notes = [] if encoding or found == "utf-8" else [f"{file.name} is not UTF-8: it was read as {found}."]
        with _open(file) as stream:
            try:
                line = stream.readline().decode(found, errors="strict").lstrip("\ufeff").rstrip("\r\n")
            except (UnicodeDecodeError, LookupError) as error:
                raise DataError(f"The encoding of {file.name!r} must be {found}. It is not: {error}.") from None
        if not line.strip():
            raise DataError(
                f"A CSV file must begin with a line of column names. {file.name!r} is empty or begins with a "
                "blank line. Export it again with a header."
            )
        sep = separator or max(_SEPARATORS, key=lambda s: _count_outside_quotes(line, s))
        names = next(csv.reader([line], delimiter=sep))
        return cls(_unique(names), sep, found, tuple(notes))


def _load_one_csv(native: Any, file: Path, header: _Header, number: int) -> tuple[str, pd.DataFrame]:
    table = f"raw_csv_{number}"
    columns = ", ".join(f"{_literal(c)}: 'VARCHAR'" for c in header.columns)
    encoding = {"utf-8": "utf-8", "utf-16": "utf-16"}.get(header.encoding, "latin-1")
    query = (
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT *, {_literal(file.name)} AS {FILE}, "
        f"row_number() OVER () AS {ROW} FROM read_csv({_literal(str(file))}, auto_detect = false, header = true, "
        f"delim = {_literal(header.separator)}, quote = '\"', escape = '\"', columns = {{{columns}}}, "
        f"encoding = '{encoding}', store_rejects = true, rejects_table = 'bad_{number}', "
        f"rejects_scan = 'scan_{number}')"
    )
    try:
        native.execute(query)
    except duckdb.Error as error:
        raise DataError(
            f"The file must be delimited text. {file.name!r}: {first_line(error)}. "
            "Give the separator and encoding in the params."
        ) from None
    found = native.execute(
        f"SELECT line AS source_row, min(lower(error_type::VARCHAR)) AS reason FROM bad_{number} GROUP BY 1 ORDER BY 1"
    ).fetchall()
    rejects = pd.DataFrame(found, columns=["source_row", "reason"]).assign(source_file=file.name)
    if len(rejects):
        _renumber(native, table, rejects["source_row"].to_list())
    else:
        native.execute(f"UPDATE {table} SET {ROW} = {ROW} + 1")
    return table, rejects


def _renumber(native: Any, table: str, bad_lines: list[int]) -> None:
    """Give the readable rows the line numbers they have in the file, where unreadable lines count too."""
    shifted = [line - index for index, line in enumerate(bad_lines)]
    values = ", ".join(f"({v})" for v in shifted)
    native.execute(
        f"UPDATE {table} SET {ROW} = {ROW} + 1 + (SELECT count(*) FROM (VALUES {values}) AS bad(line) "
        f"WHERE bad.line <= {table}.{ROW} + 1)"
    )


def _open(file: Path) -> IO[bytes]:
    return gzip.open(file) if file.suffix == ".gz" else file.open("rb")  # type: ignore[return-value]


def _chunks(file: Path) -> Iterator[bytes]:
    with _open(file) as stream:
        while chunk := stream.read(1 << 24):
            yield chunk


def _find_encoding(file: Path) -> str:
    """UTF-8 unless the bytes say otherwise; single-byte files are taken as Latin-1."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for index, chunk in enumerate(_chunks(file)):
            if index == 0 and chunk[:2] in (b"\xff\xfe", b"\xfe\xff"):
                return "utf-16"
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    except (OSError, EOFError) as error:
        raise DataError(f"The file must be readable. {file.name!r}: {error}. Was the download complete?") from None
    return "utf-8"


def _count_outside_quotes(line: str, separator: str) -> int:
    return sum(part.count(separator) for part in line.split('"')[::2])


def _unique(names: list[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    result = []
    for index, name in enumerate(names):
        base = name.strip() or f"column{index + 1}"
        # The engine does not tell names apart by case, so neither do we.
        count = seen.get(base.lower(), 0)
        seen[base.lower()] = count + 1
        result.append(base if count == 0 else f"{base}_{count}")
    return tuple(result)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
