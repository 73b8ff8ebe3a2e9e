"""From source columns to ours: one typed SQL select over a raw log."""

from typing import Any

import duckdb

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.columns import OPTIONAL_LINE
from rfm_ml.core.errors import DataError, ParamsError
from rfm_ml.transactions.columns import ColumnReader
from rfm_ml.transactions.engine import literal, one_row, quoted
from rfm_ml.transactions.files import SOURCE, RawLog
from rfm_ml.transactions.policies import Policies

_REQUIRED = ("customer_id", "ordered_at", "amount")
KNOWN = (*_REQUIRED, "order_id", "unit_price", *OPTIONAL_LINE)
"""Columns an order log can be mapped to."""
ORDER_TEXT = ("channel", "utm_source", "utm_medium", "utm_campaign", "referrer")
"""Columns that say where an order came from; of several lines the first by the alphabet speaks for it."""
COPIES = "_copies"
"""How many equal lines of the source a row stands for."""


def typed_select(
    raw: RawLog,
    *,
    columns: dict[str, str],
    policies: Policies,
    date_format: list[str] | None,
    decimal: str | None,
    time_zone: str,
) -> tuple[str, list[str], set[str]]:
    """Return the SELECT that types a raw log, notes on how it was read, and our names of the columns found."""
    mapping = _resolve(raw, columns)
    con = raw.con.con
    _require_zone(con, time_zone)
    con.execute(f"CREATE OR REPLACE TEMP VIEW _raw AS {raw.con.compile(raw.table)}")
    reader = ColumnReader(raw, view="_raw", mapping=mapping, decimal=decimal)
    rate = _rates(con, mapping, policies)
    when = reader.instant("ordered_at", date_format=date_format, time_zone=time_zone)
    amount = reader.amount(rate=rate)
    select = {
        "customer_id": reader.identifier("customer_id"),
        # Without order numbers every row is an order; where it stands in the source is its number.
        "order_id": reader.identifier("order_id") if "order_id" in mapping else SOURCE,
        "ordered_at": when,
        "amount": amount,
        "line_kind": reader.kind(),
        "date_as_read": reader.as_text("ordered_at"),
        "amount_as_read": reader.as_text("amount" if "amount" in mapping else "unit_price"),
        COPIES: COPIES,
        SOURCE: SOURCE,
    }
    for name in ("quantity", "discount"):
        if name in mapping:
            select[name] = reader.number(name)
    for name in ("product_id", "category", *ORDER_TEXT):
        if name in mapping:
            select[name] = reader.identifier(name)
    body = ", ".join(f"{sql} AS {name}" for name, sql in select.items())
    rows = _deduplicated(raw, drop=policies.duplicates == "drop")
    return f"SELECT {body} FROM ({rows})", reader.notes, set(mapping)


def _resolve(raw: RawLog, columns: dict[str, str]) -> dict[str, str]:
    for ours in columns:
        if ours not in KNOWN:
            raise ParamsError(f"columns must map names we know. Got {ours!r}. {did_you_mean(ours, KNOWN)}")
    twice = {t for t in columns.values() if list(columns.values()).count(t) > 1}
    if twice:
        both = ", ".join(ours for ours, theirs in columns.items() if theirs in twice)
        raise ParamsError(f"columns must map each column once. {min(twice)!r} is given for {both}. Remove one.")
    own = {c: c for c in KNOWN if c in raw.columns and c not in columns.values()}
    mapping = own | columns
    for ours, theirs in mapping.items():
        if theirs not in raw.columns:
            raise DataError(
                f"The order log must have the column {theirs!r} (for {ours}). "
                f"{did_you_mean(theirs, raw.columns)} Map it in the params: columns: {{{ours}: ...}}."
            )
        if theirs in raw.repeated:
            raise DataError(
                f"A column of the order log must have a name of its own. {theirs!r} (for {ours}) is there more than "
                "once. Rename the columns, or map the one you mean under another name."
            )
    priced = {"unit_price", "quantity"} <= set(mapping)
    for ours in _REQUIRED:
        if ours not in mapping and not (ours == "amount" and priced):
            hint = f" The file has the single column {raw.columns[0]!r}: is the separator right?"
            raise DataError(
                f"The order log must have a column for {ours}. {did_you_mean(ours, raw.columns)} "
                f"Map it in the params: columns: {{{ours}: ...}}.{hint if len(raw.columns) == 1 else ''}"
            )
    return mapping


def _require_zone(con: Any, time_zone: str) -> None:
    try:
        one_row(con, f"SELECT timezone({literal(time_zone)}, TIMESTAMPTZ '2000-01-01 00:00:00+00')")
    except duckdb.Error:
        raise ParamsError(f"time_zone must be one such as Europe/Berlin. Got {time_zone!r}.") from None


def _deduplicated(raw: RawLog, *, drop: bool) -> str:
    names = ", ".join(quoted(c) for c in raw.columns)
    if not drop:
        return f"SELECT {names}, {SOURCE}, 1 AS {COPIES} FROM _raw"
    return f"SELECT {names}, min({SOURCE}) AS {SOURCE}, count(*)::INTEGER AS {COPIES} FROM _raw GROUP BY {names}"


def _rates(con: Any, mapping: dict[str, str], policies: Policies) -> str | None:
    """Return the SQL factor that brings an amount to the study's currency, None if there is nothing to do."""
    if "currency" not in mapping:
        if policies.rates:
            raise ParamsError(
                "rates must come with a currency column. None is mapped. "
                "Add columns: {currency: ...} to the params, or remove the rates."
            )
        return None
    column = f"upper(trim({quoted(mapping['currency'])}::VARCHAR))"
    currencies = [c for (c,) in con.execute(f"SELECT DISTINCT {column} FROM _raw ORDER BY 1").fetchall() if c]
    own = policies.currency.upper() if len(policies.currency) == 3 and policies.currency.isalpha() else ""
    if currencies in ([], [own]) or (len(currencies) == 1 and not own and not policies.rates):
        return None
    rates = ({own: 1.0} if own else {}) | {k.upper(): v for k, v in policies.rates.items()}
    unknown = [c for c in currencies if c not in rates]
    if unknown:
        names = ", ".join(currencies[:5]) + (f" and {len(currencies) - 5:,} more" if len(currencies) > 5 else "")
        raise DataError(
            f"Amounts must be in {own or 'one currency'} unless rates are given. Found {names}; "
            f"no rate for {', '.join(unknown[:5])}. Add policies: {{rates: {{{unknown[0]}: ...}}}} to the params."
        )
    return (
        f"CASE {column} "
        + " ".join(f"WHEN {literal(c)} THEN {rates[c]!r}::DECIMAL(24, 15)" for c in currencies)
        + " END"
    )
