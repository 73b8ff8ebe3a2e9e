"""Contacts: their columns, and their rows from whatever table they come in, a batch at a time."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

import pandas as pd
import pyarrow as pa

from rfm_ml.core.checks import did_you_mean, require_columns
from rfm_ml.core.errors import DataError

EMAILS: Final = ("email", "email_2", "email_3")
PHONES: Final = ("phone", "phone_2", "phone_3")
CONTACT_COLUMNS: Final = (
    "customer_id", *EMAILS, *PHONES, "first_name", "last_name", "country", "zip", "city", "state", "birth_date",
    "gender", "age", "language", "madid", "uid", "job_title", "company", "tags",
    "suppressed", "erased", "objected", "bounced", "complained",
)  # fmt: skip
"""What is known of the contacts themselves; every other column but a consent is a property, such as the segment."""

BATCH_ROWS: Final = 50_000

Row = dict[str, Any]
"""One contact by column; None where a value is missing."""

Contacts: TypeAlias = pd.DataFrame | Any | Iterable[pd.DataFrame | Any]
"""Contacts as one table, or as batches of it: frames, Arrow tables or record batches."""


def batches_of(contacts: Contacts) -> Iterator[tuple[tuple[str, ...], Iterator[Row]]]:
    """Yield the columns and the rows of each batch; refuse a batch with other columns than the first."""
    first: tuple[str, ...] | None = None
    for batch in _pieces(contacts):
        columns = tuple(map(str, batch.columns if isinstance(batch, pd.DataFrame) else batch.schema.names))
        if first is None:
            first = columns
            require_columns(columns, ["customer_id"], what="Contacts for a list")
            if len(set(columns)) < len(columns):
                twice = sorted(c for c in set(columns) if columns.count(c) > 1)
                raise DataError(f"Contacts must have each column once. Got {', '.join(twice)} twice. Rename one.")
        elif columns != first:
            missing = set(first) ^ set(columns)
            raise DataError(
                f"Every batch of contacts must have the columns of the first. Got a difference in "
                f"{', '.join(sorted(missing)) or 'their order'}. Read all batches with one query."
            )
        yield columns, _rows(batch, columns)


def _pieces(contacts: Contacts) -> Iterator[pd.DataFrame | pa.RecordBatch]:
    for table in [contacts] if isinstance(contacts, pd.DataFrame | pa.Table) else contacts:
        if isinstance(table, pa.Table):
            yield from table.to_batches(max_chunksize=BATCH_ROWS) or [table]
        elif isinstance(table, pd.DataFrame):
            for start in range(0, max(len(table), 1), BATCH_ROWS):
                yield table.iloc[start : start + BATCH_ROWS]
        else:
            yield table


def _rows(batch: pd.DataFrame | pa.RecordBatch, columns: tuple[str, ...]) -> Iterator[Row]:
    if isinstance(batch, pd.DataFrame):
        series = (batch.iloc[:, k] for k in range(len(columns)))
        values = [s.astype(object).where(s.notna(), None).tolist() for s in series]
    else:
        values = [_values(column) for column in batch.columns]
    for cells in zip(*values, strict=True):
        yield dict(zip(columns, cells, strict=True))


def _values(column: pa.Array) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return [None if v != v else v for v in values] if pa.types.is_floating(column.type) else values


def require_any(columns: Iterable[str], wanted: tuple[str, ...], *, what: str) -> None:
    """Refuse contacts that have none of the columns a destination finds people by."""
    present = list(columns)
    if wanted and not set(wanted) & set(present):
        raise DataError(
            f"Contacts for {what} must have a column {' or '.join(wanted)}. "
            f"Got none. {did_you_mean(wanted[0], present)}"
        )
