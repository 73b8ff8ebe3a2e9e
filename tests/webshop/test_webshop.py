import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import ParamsError
from rfm_ml.webshop import customers as webshop_customers
from rfm_ml.webshop import shop as webshop
from rfm_ml.webshop import tables as webshop_tables
from rfm_ml.webshop.shop import choose_customers, write_webshop

ROWS = 400_000
START, END = date(2023, 1, 1), date(2025, 6, 30)
SIX = {"seed": 3, "start": date(2022, 2, 1), "end": date(2022, 12, 31)}


class Shop:
    """A written webshop with its truth and SQL over its tables, named as the files are."""

    def __init__(self, paths: dict[str, Path]) -> None:
        self.paths = paths
        self.truth = json.loads(paths["truth_json"].read_text())
        self.con = duckdb.connect()
        for name, path in paths.items():
            if name != "truth_json":
                self.con.execute(f"CREATE VIEW {name} AS FROM '{path}'")

    def frame(self, sql: str) -> pd.DataFrame:
        return self.con.sql(sql).df()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.sql(sql).fetchall()

    def value(self, sql: str) -> Any:
        return self.rows(sql)[0][0]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(write_webshop(tmp_path_factory.mktemp("webshop"), rows=ROWS))


def files(paths: dict[str, Path]) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in paths.items()}


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    one = files(write_webshop(tmp_path / "one", rows=20_000, **SIX))
    two = files(write_webshop(tmp_path / "two", rows=20_000, **SIX))
    assert one == two


def test_another_seed_gives_other_bytes_in_every_table(tmp_path: Path) -> None:
    one = files(write_webshop(tmp_path / "one", rows=2_000, seed=1))
    two = files(write_webshop(tmp_path / "two", rows=2_000, seed=2))
    assert [name for name in one if one[name] == two[name]] == []


def test_bytes_do_not_depend_on_the_engines_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect, used = duckdb.connect, []

    def connect_with(threads: int) -> Callable[..., duckdb.DuckDBPyConnection]:
        def connect_now(config: dict[str, Any]) -> duckdb.DuckDBPyConnection:
            used.append(threads)
            return connect(config={**config, "threads": threads})

        return connect_now

    written = []
    for threads in (1, 3):
        monkeypatch.setattr(webshop_tables.duckdb, "connect", connect_with(threads))
        # Enough rows for several row groups, so that threads have something to share.
        written.append(files(write_webshop(tmp_path / str(threads), rows=260_000, seed=5)))
    assert written[0] == written[1]
    assert used == [1] * 6 + [3] * 6


def test_bytes_do_not_depend_on_how_much_is_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = files(write_webshop(tmp_path / "whole", rows=20_000, seed=8))
    monkeypatch.setattr(webshop, "BUCKET_ROWS", 600)
    monkeypatch.setattr(webshop_tables, "BATCH_ROWS", 37)
    assert files(write_webshop(tmp_path / "pieces", rows=20_000, seed=8)) == expected


def test_a_larger_shop_starts_with_the_customers_of_a_smaller_one(tmp_path: Path) -> None:
    small = pd.read_parquet(write_webshop(tmp_path / "small", rows=5_000, seed=4)["truth"])
    large = pd.read_parquet(write_webshop(tmp_path / "large", rows=30_000, seed=4)["truth"])
    # The last customers are chosen so that the lines add up to exactly `rows`.
    common = len(small) - 25
    assert common > 350
    pd.testing.assert_frame_equal(small[:common], large[:common])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rows", [1_000, 1_001, 7_777])
def test_rows_are_met_exactly_and_the_span_is_covered(tmp_path: Path, rows: int, seed: int) -> None:
    small = Shop(write_webshop(tmp_path, rows=rows, seed=seed))
    assert small.value("SELECT count(*) FROM orders") == rows
    first, last = small.rows("SELECT min(ordered_at)::DATE, max(ordered_at)::DATE FROM orders")[0]
    assert (first, last) == (START, END)
    assert small.value("SELECT count(*) FROM campaigns") > 0


def test_many_chunks_keep_ids_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webshop, "CHUNK_CUSTOMERS", 64)
    many = Shop(write_webshop(tmp_path, rows=10_000))
    contacts = many.truth["counts"]["contacts"]
    assert contacts > 500
    ids = [row[0] for row in many.rows("SELECT customer_id FROM contacts")]
    assert ids == [f"C{k:07d}" for k in range(1, contacts + 1)]
    assert many.value("SELECT count(DISTINCT order_id) FROM orders") == (
        many.truth["counts"]["orders"] + many.truth["counts"]["returns"]
    )
    assert many.rows("SELECT order_id FROM orders GROUP BY ALL HAVING count(DISTINCT ordered_at) > 1") == []
    assert many.rows("SELECT order_id FROM orders GROUP BY ALL HAVING count(DISTINCT customer_id) > 1") == []
    first_order = "SELECT customer_id, min(ordered_at) AS began FROM orders GROUP BY ALL"
    wrong = f"SELECT * FROM truth JOIN ({first_order}) USING (customer_id) WHERE began <> joined_at"
    assert many.rows(wrong) == []


def test_choose_customers_meets_the_wanted_lines_by_hand() -> None:
    lines = np.array([3, 0, 5, 2, 0, 1, 4])
    assert choose_customers(lines, 15).all()
    assert choose_customers(lines, 100).all()
    assert choose_customers(lines, 8).tolist() == [True, True, True, False, False, False, False]
    assert choose_customers(lines, 4).tolist() == [True, True, False, False, True, True, False]


def test_columns_and_types_are_the_designs(shop: Shop) -> None:
    def types(table: str) -> dict[str, str]:
        return dict(shop.rows(f"SELECT column_name, column_type FROM (DESCRIBE {table})"))

    assert types("orders") == {
        "customer_id": "VARCHAR",
        "order_id": "BIGINT",
        "ordered_at": "TIMESTAMP",
        "product_id": "VARCHAR",
        "category": "VARCHAR",
        "quantity": "INTEGER",
        "amount": "DECIMAL(18,2)",
        "discount": "DECIMAL(18,2)",
        "channel": "VARCHAR",
        "order_kind": "VARCHAR",
    }
    assert list(types("products")) == ["product_id", "category", "brand", "margin"]
    assert types("contacts").keys() == {
        *("customer_id", "email", "phone", "first_name", "last_name", "country", "zip", "city", "birth_date"),
        *("tags", "consent_email", "consent_sms", "consent_push", "consent_ads", "consent_call"),
        *("consent_web", "suppressed"),
    }
    assert {types("contacts")[f"consent_{c}"] for c in ("email", "sms", "push", "ads", "call", "web")} == {"BOOLEAN"}
    assert types("events").keys() == {
        *("customer_id", "event_at", "kind", "value", "product_id"),
        *("utm_source", "utm_medium", "utm_campaign", "referrer"),
    }
    assert types("campaigns") == {
        "customer_id": "VARCHAR",
        "campaign_id": "VARCHAR",
        "sent_at": "TIMESTAMP",
        "group": "VARCHAR",
        "cost": "DECIMAL(18,2)",
    }


def test_every_reference_leads_somewhere(shop: Shop) -> None:
    for table in ("orders", "events", "campaigns", "truth"):
        lost = f"SELECT count(*) FROM {table} WHERE customer_id NOT IN (SELECT customer_id FROM contacts)"
        assert shop.value(lost) == 0, table
    for table in ("orders", "events"):
        lost = f"SELECT count(*) FROM {table} WHERE product_id NOT IN (SELECT product_id FROM products)"
        assert shop.value(lost) == 0, table
    mixed = "SELECT count(*) FROM orders o JOIN products p USING (product_id) WHERE o.category <> p.category"
    assert shop.value(mixed) == 0
    assert shop.value("SELECT count(DISTINCT customer_id) FROM truth") == shop.truth["counts"]["contacts"]


def test_log_is_in_time_order_with_whole_orders(shop: Shop) -> None:
    log = shop.frame("SELECT order_id, ordered_at FROM orders")
    assert log["ordered_at"].is_monotonic_increasing
    assert set(log["order_id"].diff()[1:]) == {0, 1}
    assert shop.value("SELECT count(*) FROM events WHERE event_at < '2023-01-01' OR event_at >= '2025-07-01'") == 0


def test_planted_dirt_is_what_the_truth_says(shop: Shop) -> None:
    planted = shop.truth["planted"]
    found = {
        "duplicate_lines": "SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT * FROM orders)) FROM orders",
        "guest_orders": "SELECT count(DISTINCT order_id) FROM orders WHERE customer_id IS NULL",
        "guest_lines": "SELECT count(*) FROM orders WHERE customer_id IS NULL",
        "sample_orders": "SELECT count(DISTINCT order_id) FROM orders WHERE amount = 0",
    }
    assert {name: shop.value(sql) for name, sql in found.items()} == planted
    assert planted["duplicate_lines"] / ROWS == pytest.approx(0.001, rel=0.15)
    assert planted["guest_orders"] / shop.truth["counts"]["orders"] == pytest.approx(0.005, rel=0.15)
    assert planted["sample_orders"] > 0
    kinds = shop.rows("SELECT order_kind, count(DISTINCT order_id) FROM orders GROUP BY 1 ORDER BY 1")
    assert kinds == [("order", shop.truth["counts"]["orders"]), ("return", shop.truth["counts"]["returns"])]


def test_returns_give_back_a_part_of_an_earlier_order(shop: Shop) -> None:
    orders, returns = shop.truth["counts"]["orders"], shop.truth["counts"]["returns"]
    assert returns / orders == pytest.approx(0.06, rel=0.06)
    assert shop.value("SELECT count(*) FROM orders WHERE (order_kind = 'return') <> (amount < 0)") == 0
    assert shop.value("SELECT count(*) FROM orders WHERE order_kind = 'return' AND quantity <> -1") == 0
    without_source = """
        SELECT count(*) FROM orders r WHERE order_kind = 'return' AND NOT EXISTS (
            FROM orders o WHERE o.customer_id = r.customer_id AND o.product_id = r.product_id
                AND o.order_kind = 'order' AND o.amount >= -r.amount
                AND r.ordered_at - o.ordered_at BETWEEN INTERVAL 3 DAY AND INTERVAL 30 DAY)"""
    assert shop.value(without_source) == 0


def test_orders_stop_at_the_dropout_except_for_planted_ones(shop: Shop) -> None:
    late = """
        SELECT o.customer_id, o.ordered_at FROM orders o JOIN truth USING (customer_id)
        WHERE order_kind = 'order' AND amount > 0 AND ordered_at > dropped_out_at"""
    assert shop.value(f"SELECT count(*) FROM ({late})") > 0
    unexplained = f"""
        SELECT count(*) FROM ({late}) l WHERE NOT EXISTS (
            FROM campaigns c WHERE c.customer_id = l.customer_id AND "group" = 'treatment'
                AND l.ordered_at BETWEEN sent_at AND sent_at + INTERVAL 28 DAY)"""
    assert shop.value(unexplained) == 0
    early = "FROM orders JOIN truth USING (customer_id) WHERE ordered_at < joined_at"
    assert shop.rows(early) == []


def test_prospects_are_contacts_who_never_ordered(shop: Shop) -> None:
    never = "SELECT customer_id FROM contacts ANTI JOIN orders USING (customer_id) ORDER BY 1"
    assert shop.rows(never) == shop.rows("SELECT customer_id FROM truth WHERE prospect ORDER BY 1")
    assert shop.truth["counts"]["prospects"] / shop.truth["counts"]["contacts"] == pytest.approx(0.12, abs=0.01)
    assert shop.value("SELECT count(*) FROM campaigns JOIN truth USING (customer_id) WHERE prospect") == 0


def season_days(shop: Shop) -> pd.DataFrame:
    """Per customer: repeat orders without planted and free ones, and average days alive."""
    calendar = webshop_customers.Calendar(START, (END - START).days + 1)
    frame = shop.frame("""
        SELECT t.*, count(DISTINCT order_id) FILTER (order_kind = 'order' AND amount > 0) AS orders
        FROM truth t LEFT JOIN orders USING (customer_id) WHERE NOT prospect GROUP BY ALL""")
    frame["repeat"] = frame["orders"] - frame["campaign_orders"] - 1
    origin, end = pd.Timestamp(START), pd.Timestamp(END + timedelta(days=1))
    left = (frame["dropped_out_at"].fillna(end) - origin) / pd.Timedelta(days=1)
    joined = (frame["joined_at"] - origin) / pd.Timedelta(days=1)
    frame["alive"] = calendar.average_days(left.to_numpy()) - calendar.average_days(joined.to_numpy())
    return frame


def test_orders_follow_each_customers_own_rate(shop: Shop) -> None:
    frame = season_days(shop)
    assert (frame["repeat"] >= 0).all()
    expected = frame["purchase_rate_per_day"] * frame["alive"]
    quarter = pd.qcut(frame["purchase_rate_per_day"], 4, labels=False)
    for _, group in frame.groupby(quarter):
        mean = expected[group.index].sum()
        # A sum of Poisson counts: its variance is its mean; times of day blur the exposure a little.
        assert abs(group["repeat"].sum() - mean) < 4 * np.sqrt(mean) + 0.01 * mean
    spread = (frame["repeat"] - expected) / np.sqrt(expected.clip(lower=0.05))
    assert spread.var() == pytest.approx(1.0, abs=0.1)


def test_truth_has_the_planted_distributions(shop: Shop) -> None:
    truth = shop.frame("SELECT * FROM truth WHERE NOT prospect")
    process, n = shop.truth["process"], len(truth)
    for column, name, shape, scale in (
        ("purchase_rate_per_day", "purchase_rate_gamma", "r", "alpha_days"),
        ("dropout_rate_per_day", "dropout_rate_gamma", "s", "beta_days"),
    ):
        a, b = process[name][shape], process[name][scale]
        assert truth[column].mean() == pytest.approx(a / b, abs=4 * np.sqrt(a) / b / np.sqrt(n))
    money = process["order_value_gamma_gamma"]
    # 1 / value is gamma, so its mean is safe to test where the value itself is heavy-tailed.
    inverse = (1 / truth["mean_order_value"]).mean()
    expected = money["q"] / money["v_eur"] / money["p"]
    assert inverse == pytest.approx(expected, abs=4 * expected / np.sqrt(money["q"] * n))
    assert truth["value_level"].value_counts(normalize=True).to_numpy() == pytest.approx(1 / 3, abs=0.015)
    planned = {lv["value_level"]: lv["extra_order_value"] for lv in shop.truth["campaigns"][0]["levels"]}
    assert truth.groupby("value_level")["mean_order_value"].mean().to_dict() == pytest.approx(planned, rel=0.02)


def test_order_amounts_follow_each_customers_value(shop: Shop) -> None:
    ratio = shop.value("""
        SELECT sum(amount) / sum(mean_order_value) FROM (
            SELECT customer_id, order_id, sum(amount)::DOUBLE AS amount FROM (SELECT DISTINCT * FROM orders)
            WHERE order_kind = 'order' AND amount > 0 GROUP BY ALL) JOIN truth USING (customer_id)""")
    assert ratio == pytest.approx(1, abs=0.01)


def test_december_is_the_peak(shop: Shop) -> None:
    months = dict(shop.rows("SELECT strftime(ordered_at, '%Y-%m'), count(*) FROM orders GROUP BY 1"))
    for year in ("2023", "2024"):
        of_year = {month: n for month, n in months.items() if month.startswith(year)}
        assert max(of_year, key=of_year.__getitem__) == f"{year}-12"
        assert of_year[f"{year}-12"] > 1.4 * of_year[f"{year}-11"]


def test_dropped_out_control_customers_never_order_and_treated_ones_as_planted(shop: Shop) -> None:
    """After dropout nothing but a planted order can happen, so here the effect shows without noise."""
    cells = shop.frame("""
        SELECT campaign_id, value_level, "group", count(*) AS customers, sum(bought) AS bought FROM (
            SELECT c.campaign_id, t.value_level, c."group", c.customer_id,
                count(DISTINCT o.order_id) AS bought
            FROM campaigns c JOIN truth t USING (customer_id)
            LEFT JOIN orders o ON o.customer_id = c.customer_id AND order_kind = 'order' AND amount > 0
                AND o.ordered_at BETWEEN c.sent_at AND c.sent_at + INTERVAL 28 DAY
            WHERE t.dropped_out_at < c.sent_at GROUP BY ALL) GROUP BY ALL""")
    control = cells[cells["group"] == "control"]
    assert control["customers"].sum() > 2_000
    assert control["bought"].sum() == 0
    planted = {
        (c["campaign_id"], lv["value_level"]): lv["extra_order_probability"]
        for c in shop.truth["campaigns"]
        for lv in c["levels"]
    }
    treated = cells[cells["group"] == "treatment"]
    assert len(treated) == 18
    p = np.array([planted[key] for key in zip(treated["campaign_id"], treated["value_level"], strict=True)])
    z = (treated["bought"] - treated["customers"] * p) / np.sqrt(treated["customers"] * p * (1 - p))
    assert np.abs(z).max() < 4
    # Chi-square with 18 degrees of freedom: 42.3 is passed once in a thousand seeds.
    assert (z**2).sum() < 42.3


def test_lift_is_recovered_from_the_log_alone(shop: Shop) -> None:
    """Treated minus control, per value level, as an analyst would: near the planted mean probability."""
    frame = shop.frame("""
        SELECT t.value_level, c."group", count(*) AS n, avg(bought) AS mean, var_samp(bought) AS variance
        FROM (SELECT c.*, count(DISTINCT o.order_id) AS bought FROM campaigns c
              LEFT JOIN orders o ON o.customer_id = c.customer_id AND order_kind = 'order' AND amount > 0
                AND o.ordered_at BETWEEN c.sent_at AND c.sent_at + INTERVAL 28 DAY GROUP BY ALL) c
        JOIN truth t USING (customer_id) GROUP BY ALL""").set_index(["value_level", "group"])
    lifts = []
    for level, name in enumerate(("saver", "average", "spender")):
        treated, control = frame.loc[(name, "treatment")], frame.loc[(name, "control")]
        error = np.sqrt(treated["variance"] / treated["n"] + control["variance"] / control["n"])
        cells = [c["levels"][level] for c in shop.truth["campaigns"]]
        planted = np.average([lv["extra_order_probability"] for lv in cells], weights=[lv["treated"] for lv in cells])
        lifts.append(treated["mean"] - control["mean"])
        assert abs(lifts[-1] - planted) < 3.5 * error
        assert error < 0.02
    assert lifts[0] < lifts[2]


def test_campaign_truth_counts_what_the_tables_hold(shop: Shop) -> None:
    groups = {
        (campaign, level, group): n
        for campaign, level, group, n in shop.rows("""
            SELECT campaign_id, value_level, "group", count(*)
            FROM campaigns JOIN truth USING (customer_id) GROUP BY ALL""")
    }
    extra = 0
    for campaign in shop.truth["campaigns"]:
        for lv in campaign["levels"]:
            key = campaign["campaign_id"], lv["value_level"]
            assert (lv["treated"], lv["control"]) == (groups[(*key, "treatment")], groups[(*key, "control")])
            extra += lv["extra_orders"]
            if lv["extra_orders"] >= 100:
                mean = lv["extra_amount"] / lv["extra_orders"]
                assert mean == pytest.approx(lv["extra_order_value"], rel=0.35)
    assert extra == shop.truth["counts"]["extra_orders"] == shop.value("SELECT sum(campaign_orders) FROM truth")
    treated = shop.value("SELECT avg((\"group\" = 'treatment')::INT) FROM campaigns")
    assert treated == pytest.approx(1 - shop.truth["control_share"], abs=0.01)
    untreated = """SELECT sum(campaign_orders) FROM truth ANTI JOIN
        (FROM campaigns WHERE "group" = 'treatment') USING (customer_id)"""
    assert shop.value(untreated) == 0
    wrong = "SELECT count(*) FROM campaigns WHERE (\"group\" = 'control') <> (cost = 0)"
    assert shop.value(wrong) == 0
    mailable = "SELECT bool_and(consent_email AND NOT suppressed) FROM campaigns JOIN contacts USING (customer_id)"
    assert shop.value(mailable)


def test_contacts_are_fictional_and_incomplete_as_in_life(shop: Shop) -> None:
    contacts = shop.frame("SELECT * FROM contacts")
    emails = contacts["email"].dropna()
    assert emails.is_unique
    assert emails.str.fullmatch(r"[a-z.]+\d+@example\.(com|org|net)").all()
    fiction = re.compile(
        r"\+49(3023125|4066969|8999998)\d{3}|\+4917139200\d{2}|\+3363998\d{4}|\+447700900\d{3}"
        r"|\+3532091\d{5}|\+1(212|617|415)55501\d{2}"
    )
    phones = contacts["phone"].dropna()
    assert all(fiction.fullmatch(phone) for phone in phones)
    country = {"DE": "+49", "FR": "+33", "GB": "+44", "IE": "+353", "US": "+1"}
    known = contacts.dropna(subset=["phone", "country"])
    assert all(p.startswith(country[c]) for p, c in zip(known["phone"], known["country"], strict=True))
    assert {"01067", "06000", "02108"} <= set(contacts["zip"])
    for column, share in (("email", 0.04), ("phone", 0.35), ("birth_date", 0.3), ("zip", 0.05)):
        assert contacts[column].isna().mean() == pytest.approx(share, abs=0.01)
    assert not (contacts["consent_email"].fillna(False).astype(bool) & contacts["email"].isna()).any()
    for by_phone in ("consent_sms", "consent_call"):
        assert not (contacts[by_phone].fillna(False).astype(bool) & contacts["phone"].isna()).any()
    assert contacts["birth_date"].max() < pd.Timestamp(2005, 1, 1)
    assert contacts["tags"].dropna().str.split(";").map(len).max() > 1


def test_events_come_from_consent_and_outlive_the_dropout(shop: Shop) -> None:
    kinds = {row[0] for row in shop.rows("SELECT DISTINCT kind FROM events")}
    assert kinds == {"email_open", "email_click", "visit", "cart_add", "cart_abandon"}
    opened = """SELECT count(*) FROM events JOIN contacts USING (customer_id)
        WHERE kind IN ('email_open', 'email_click') AND (consent_email IS NOT TRUE OR suppressed)"""
    assert shop.value(opened) == 0
    control = """SELECT count(*) FROM events e JOIN campaigns c
        ON e.customer_id = c.customer_id AND e.utm_campaign = c.campaign_id WHERE "group" = 'control'"""
    assert shop.value(control) == 0
    assert shop.value("SELECT count(*) FROM events WHERE (kind LIKE 'cart%') <> (value IS NOT NULL)") == 0
    lost_but_engaged = """SELECT count(DISTINCT customer_id) FROM events JOIN truth USING (customer_id)
        WHERE kind = 'visit' AND dropped_out_at < '2024-06-30' AND event_at > '2025-04-01'"""
    assert shop.value(lost_but_engaged) > 20


def test_a_complete_folder_is_left_as_it_is(tmp_path: Path) -> None:
    paths = write_webshop(tmp_path / "shop", rows=1_000)
    written = {name: path.stat().st_mtime_ns for name, path in paths.items()}
    assert write_webshop(tmp_path / "shop", rows=1_000) == paths
    assert {name: path.stat().st_mtime_ns for name, path in paths.items()} == written
    assert sorted(p.name for p in (tmp_path / "shop").iterdir()) == sorted(p.name for p in paths.values())


def remove_a_table(paths: dict[str, Path]) -> None:
    paths["events"].unlink()


def cut_the_truth(paths: dict[str, Path]) -> None:
    paths["truth_json"].write_text('{"params": ')


def remove_the_truth(paths: dict[str, Path]) -> None:
    paths["truth_json"].unlink()


@pytest.mark.parametrize("damage", [remove_a_table, cut_the_truth, remove_the_truth])
def test_an_incomplete_folder_is_written_anew(tmp_path: Path, damage: Callable[[dict[str, Path]], None]) -> None:
    paths = write_webshop(tmp_path, rows=1_000)
    whole = files(paths)
    damage(paths)
    assert files(write_webshop(tmp_path, rows=1_000)) == whole


def test_other_arguments_replace_the_folder(tmp_path: Path) -> None:
    write_webshop(tmp_path / "shop", rows=1_000, seed=1)
    replaced = files(write_webshop(tmp_path / "shop", rows=1_000, seed=2))
    assert replaced == files(write_webshop(tmp_path / "fresh", rows=1_000, seed=2))


def test_a_failed_run_leaves_the_last_good_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = files(write_webshop(tmp_path, rows=1_000, seed=1))
    copy, calls = webshop_tables.copy_table, []

    def full_disk(path: Path, *args: Any, **kwargs: Any) -> None:
        calls.append(path)
        if len(calls) == 4:
            raise OSError("No space left on device")
        copy(path, *args, **kwargs)

    monkeypatch.setattr(webshop_tables, "copy_table", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_webshop(tmp_path, rows=1_000, seed=2)
    assert files({name: tmp_path / f"{name}.parquet" for name in webshop.TABLES}).items() <= good.items()
    assert len(list(tmp_path.iterdir())) == len(good)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 999}, "rows must be between 1000 and 100000000. Got 999."),
        ({"rows": 100_000_001}, "rows must be between 1000 and 100000000. Got 100000001."),
        ({"rows": 1e4}, "rows must be a whole number. Got 10000.0."),
        ({"rows": True}, "rows must be a whole number. Got True."),
        ({"seed": -1}, "seed must be 0 or more. Got -1."),
        ({"end": date(2023, 8, 11)}, "end must be at least 223 days after start"),
        ({"end": date(2022, 1, 1)}, "Got 2023-01-01 to 2022-01-01. Choose a later end."),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamsError, match=re.escape(message)):
        write_webshop(tmp_path / "shop", **arguments)
    assert not (tmp_path / "shop").exists()


def test_the_shortest_span_has_six_whole_campaigns_apart(tmp_path: Path) -> None:
    end = START + timedelta(days=223)
    short = Shop(write_webshop(tmp_path, rows=1_000, end=end))
    sent = pd.to_datetime([c["sent_at"] for c in short.truth["campaigns"]])
    assert (np.diff(sent) >= np.timedelta64(28, "D")).all()
    assert sent[-1] + pd.Timedelta(days=28) <= pd.Timestamp(end + timedelta(days=1))
    assert short.value("SELECT max(ordered_at)::DATE FROM orders") == end


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "shop"
    place.write_text("not a folder")
    with pytest.raises(ParamsError, match="folder must be a folder"):
        write_webshop(place, rows=1_000)
