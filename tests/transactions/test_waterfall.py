"""The waterfall against a plain evaluation of the contract, on random dirty logs."""

import tempfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rfm_ml.core.errors import DataError
from rfm_ml.customers import customer_table
from rfm_ml.transactions.contract import CleanLog, clean
from rfm_ml.transactions.policies import Policies
from rfm_ml.transactions.sources import connect, file_source
from rfm_ml.transactions.waterfall import STEPS, waterfall

AS_OF = date(2024, 12, 31)
RANK = {step: rank for rank, step in enumerate(STEPS)}
CON = connect(Path(tempfile.gettempdir()))

Fields = tuple[str, ...]

CUSTOMERS = st.sampled_from(["a", "b", "c", " a ", "", "nan"])
ORDERS = st.sampled_from(["1", "2", "3", "4", "5", ""])
DAYS = st.sampled_from(
    ["2024-01-05", "2024-02-01 23:59", "2024-12-31", "2025-01-01", "1970-01-01", "2024-02-31", "rubbish", ""]
)
AMOUNTS = st.sampled_from(["10.00", "2.50", "-2.50", "-4.25", "0.00", "0.01", "x", "inf", ""])
LINES = st.lists(st.tuples(CUSTOMERS, ORDERS, DAYS, AMOUNTS), min_size=1, max_size=25)
# Where the log has lines of too few or too many columns, and copies of a line: index of the line, what becomes of it.
FAULTS = st.lists(st.tuples(st.integers(0, 24), st.sampled_from(["copy", "cut", "longer"])), max_size=6)
POLICIES = st.builds(
    Policies,
    returns=st.sampled_from(["net", "keep", "drop"]),
    zero_orders=st.sampled_from(["drop", "keep"]),
    duplicates=st.sampled_from(["drop", "keep"]),
    unreadable_limit=st.just(1.0),
)


@dataclass
class Line:
    """One row of the source, read by a person."""

    customer: str | None
    order: Any
    at: datetime | None
    amount: Decimal | None
    step: str = "net"


def _read(fields: Fields, number: int, with_ids: bool) -> Line:
    customer, day, amount = fields[0].strip(), fields[-2], fields[-1]
    try:
        at = datetime.fromisoformat(day)
    except ValueError:
        at = None
    known = amount not in ("x", "inf", "")
    return Line(
        None if customer in ("", "nan") else customer,
        (fields[1] or None) if with_ids else number,
        at,
        Decimal(amount) if known else None,
    )


def _line_step(line: Line, policies: Policies) -> str:
    if line.at is None:
        return "date missing or unreadable"
    if line.at.year < 1980:
        return "date before the earliest credible day"
    if line.amount is None:
        return "amount missing or unreadable"
    if line.order is None:
        return "order id missing"
    if line.customer is None:
        return "customer missing"
    return "return lines" if policies.returns == "drop" and line.amount < 0 else "net"


def _evaluate(rows: list[Fields], policies: Policies, *, with_ids: bool) -> tuple[pd.DataFrame, dict[str, Decimal]]:
    """Follow the contract row by row; return the waterfall and every customer's spend."""
    width = 4 if with_ids else 3
    lines, seen = [], set()
    for number, fields in enumerate(rows):
        if len(fields) != width:
            lines.append(Line(None, None if with_ids else number, None, Decimal(0), "unreadable lines"))
            continue
        line = _read(fields, number, with_ids)
        copy = policies.duplicates == "drop" and fields in seen
        seen.add(fields)
        line.step = "exact duplicate lines" if copy else _line_step(line, policies)
        lines.append(line)
    orders = defaultdict(list)
    for line in lines:
        if line.step == "net":
            orders[line.order].append(line)
    returned, buyers = [], set()
    for order in orders.values():
        total = sum(line.amount for line in order)
        step = "net"
        if len({line.customer for line in order}) > 1:
            step = "order of several customers"
        elif total == 0 and policies.zero_orders == "drop":
            step = "zero orders"
        elif min(line.at for line in order).date() > AS_OF:
            step = "after the as-of day"
        elif total < 0 and policies.returns == "net":
            returned.append(order)
        else:
            buyers.add(order[0].customer)
        for line in order:
            line.step = step
    for order in returned:
        if order[0].customer not in buyers:
            for line in order:
                line.step = "returns without an order"
    credited = sum(1 for order in returned if order[0].step == "net")
    return _count(lines, credited, with_ids=with_ids), _spend(lines)


def _has_orders(rows: list[Fields], policies: Policies, *, with_ids: bool) -> bool:
    """Return whether any order counts, be it after the as-of day: without one the log is refused."""
    later = [tuple(f.replace("2025-01-01", "2024-12-31") for f in r) for r in rows]
    return bool(_evaluate(later, policies, with_ids=with_ids)[0].set_index("step")["orders"]["net"])


def _spend(lines: list[Line]) -> dict[str, Decimal]:
    spend: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.step == "net":
            spend[line.customer] += line.amount
    return spend


def _count(lines: list[Line], credited: int, *, with_ids: bool) -> pd.DataFrame:
    """A row ends at its step; an order and a customer end where the last of their rows ends."""
    ends: dict[str, dict[str, Any]] = {
        step: {"rows": 0, "orders": 0, "customers": 0, "amount": Decimal(0)} for step in STEPS
    }
    for line in lines:
        ends[line.step]["rows"] += 1
        ends[line.step]["amount"] += line.amount or 0
    for column, key in (("orders", "order"), ("customers", "customer")):
        last: dict[Any, str] = {}
        for line in lines:
            name = getattr(line, key)
            if name is not None and RANK[line.step] >= RANK[last.get(name, "gross")]:
                last[name] = line.step
        for step in last.values():
            ends[step][column] += 1
    total = {c: sum(end[c] for end in ends.values()) for c in ("rows", "orders", "customers", "amount")}
    table = {step: {c: -v for c, v in end.items()} for step, end in ends.items() if any(end.values())}
    table["gross"] = total
    table["after the as-of day"] = table.get("after the as-of day", dict.fromkeys(total, 0))
    table["net"] = ends["net"] | {"orders": ends["net"]["orders"] - credited}
    if credited:
        table["returns are not orders"] = dict.fromkeys(total, 0) | {"orders": -credited}
    frame = pd.DataFrame([{"step": step} | table[step] for step in STEPS if step in table])
    return frame.astype({"rows": "int64", "orders": "int64", "customers": "int64", "amount": "float64"})


def _write(rows: list[Fields], file: Path, *, with_ids: bool) -> None:
    header = "customer_id,order_id,ordered_at,amount" if with_ids else "customer_id,ordered_at,amount"
    file.write_text("\n".join([header, *(",".join(r) for r in rows)]) + "\n")


def _clean(path: Path | str, folder: Path, policies: Policies) -> tuple[CleanLog, pd.DataFrame]:
    folder.mkdir()
    log = clean(file_source(path).load(CON), folder, policies=policies)
    return log, waterfall(CON.con, log.orders, log.rejected, as_of=AS_OF, order_is_row=log.order_is_row)


@st.composite
def dirty_logs(draw: st.DrawFn) -> tuple[list[Fields], bool]:
    with_ids = draw(st.booleans())
    rows: list[Fields] = [r if with_ids else (r[0], *r[2:]) for r in draw(LINES)]
    for index, fault in draw(FAULTS):
        row = rows[index % len(rows)]
        cut = row[:-1] if ",".join(row[:-1]) else row  # a blank line is no row
        rows.append({"copy": row, "cut": cut, "longer": (*row, "9")}[fault])
    return rows, with_ids


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(log=dirty_logs(), policies=POLICIES)
@example(  # an order whose lines lie on both sides of the as-of day
    log=([("a", "1", "2025-01-01", "1.00"), ("a", "1", "2024-12-31", "2.00"), ("b", "2", "2024-01-05", "1.00")], True),
    policies=Policies(unreadable_limit=1.0),
)
def test_every_step_as_a_person_would_count(log: tuple[list[Fields], bool], policies: Policies) -> None:
    rows, with_ids = log
    expected, spend = _evaluate(rows, policies, with_ids=with_ids)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "orders.csv"
        _write(rows, file, with_ids=with_ids)
        if not expected.set_index("step")["orders"]["net"] and not _has_orders(rows, policies, with_ids=with_ids):
            with pytest.raises(DataError, match="At least one order must count"):
                _clean(file, Path(scratch) / "clean", policies)
            return
        cleaned, got = _clean(file, Path(scratch) / "clean", policies)
        pd.testing.assert_frame_equal(got, expected)
        changes, net = got.iloc[:-1], got.iloc[-1]
        for column in ("rows", "orders", "customers"):
            assert changes[column].sum() == net[column]
        assert round(changes["amount"].sum() - net["amount"], 2) == 0
        if not net["orders"]:
            return
        customers = customer_table(CON.read_parquet(str(cleaned.orders)), as_of=AS_OF, with_features=False)
        assert dict(zip(customers["customer_id"], customers["spend"], strict=True)) == pytest.approx(
            {k: float(v) for k, v in spend.items()}, abs=1e-9
        )
        assert customers["orders"].sum() == net["orders"]
        assert round(customers["spend"].sum() - net["amount"], 2) == 0


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(log=dirty_logs(), policies=POLICIES, data=st.data())
def test_order_of_rows_and_split_into_files_do_not_matter(
    log: tuple[list[Fields], bool], policies: Policies, data: st.DataObject
) -> None:
    rows, with_ids = log
    rows = [*rows, *([("z", "99", "2024-03-03", "7.00")] if with_ids else [("z", "2024-03-03", "7.00")])]
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        _write(rows, place / "one.csv", with_ids=with_ids)
        for name, part in {"a": shuffled[:cut], "b": shuffled[cut:]}.items():
            _write(part, place / f"part-{name}.csv", with_ids=with_ids)
        _, whole = _clean(place / "one.csv", place / "whole", policies)
        _, parts = _clean(place / "part-*.csv", place / "parts", policies)
        pd.testing.assert_frame_equal(whole, parts)


def test_steps_that_did_not_happen_are_left_out(tmp_path: Path) -> None:
    _write([("a", "1", "2024-01-01", "5.00"), ("a", "2", "2024-06-01", "-1.00")], tmp_path / "o.csv", with_ids=True)
    _, got = _clean(tmp_path / "o.csv", tmp_path / "clean", Policies())
    expected = pd.DataFrame(
        {
            "step": ["gross", "after the as-of day", "returns are not orders", "net"],
            "rows": [2, 0, 0, 2],
            "orders": [2, 0, -1, 1],
            "customers": [1, 0, 0, 1],
            "amount": [4.0, 0.0, 0.0, 4.0],
        }
    )
    pd.testing.assert_frame_equal(got, expected)
