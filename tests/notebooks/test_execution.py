"""Every notebook runs under plain papermill, on real customers and on three made by hand."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))

ORDERS = """customer,order_no,date,total
a_1,1,2025-01-05,10.00
b*2,2,2025-02-10,250.50
b*2,3,2025-03-01,99.50
c,4,2025-03-10,40.00
c,5,2025-03-12,-15.00
,6,2025-03-12,5.00
c,7,not a day,5.00
"""
PARAMS = """study: three
as_of: 2025-03-31
orders:
  path: data/orders.csv
  columns: {customer_id: customer, order_id: order_no, ordered_at: date, amount: total}
strategies:
  quantiles: {use: quantile_rfm, map: twelve, options: {bins: 5}}
  thresholds: {use: threshold_rfm, map: three_level}
notebooks: [10_data_quality]
"""


# In a process of its own: kernels leave sockets behind, which would be warnings of later tests.
RUN = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import papermill

to, parameters, *notebooks = sys.argv[1:]

def run(path):
    given = {"parameters": json.loads(parameters), "kernel_name": "python3", "progress_bar": False}
    papermill.execute_notebook(path, str(Path(to) / Path(path).name), **given)

with ThreadPoolExecutor(max_workers=2) as pool:
    list(pool.map(run, notebooks))
"""


def execute_all(to: Path, *, notebooks: list[Path] = NOTEBOOKS, **parameters: str) -> dict[str, nbformat.NotebookNode]:
    # The kernel's "python" is the one that runs the tests, and finds this package.
    found = {"PATH": str(Path(sys.executable).parent), "PYTHONPATH": str(ROOT)}
    env = os.environ | {k: os.pathsep.join([v, os.environ.get(k, "")]) for k, v in found.items()}
    given = [str(to), json.dumps(parameters), *map(str, notebooks)]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *given], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {p.stem: nbformat.read(to / p.name, as_version=4) for p in notebooks}


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, nbformat.NotebookNode]:
    return execute_all(tmp_path_factory.mktemp("cdnow"))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> dict[str, nbformat.NotebookNode]:
    base = tmp_path_factory.mktemp("three")
    for folder, name, text in (("params", "three.yml", PARAMS), ("data", "orders.csv", ORDERS)):
        (base / folder).mkdir()
        (base / folder / name).write_text(text)
    return execute_all(base, params=str(base / "params" / "three.yml"))


def outputs(notebook: nbformat.NotebookNode) -> list[dict]:
    return [o.get("data", {}) for c in notebook.cells if c.cell_type == "code" for o in c.outputs]


def words(notebook: nbformat.NotebookNode) -> str:
    return "\n".join(d["text/markdown"] for d in outputs(notebook) if "text/markdown" in d)


def learned(notebook: nbformat.NotebookNode) -> str:
    return notebook.cells[-1].outputs[-1]["data"]["text/markdown"]


def figures(notebook: nbformat.NotebookNode) -> list[bytes]:
    return [base64.b64decode(d["image/png"]) for d in outputs(notebook) if "image/png" in d]


def tables(notebook: nbformat.NotebookNode) -> list[str]:
    return [d["text/html"] for d in outputs(notebook) if "text/html" in d]


def test_cdnow_says_what_is_known_of_it(cdnow: dict[str, nbformat.NotebookNode]) -> None:
    assert "4,960 orders of 2,357 customers" in words(cdnow["10_data_quality"])
    assert "20% of customers bring 63% of revenue; 80% of revenue comes from 38% of customers." in learned(
        cdnow["20_customers"]
    )
    assert "**Champions** bring most: 19.5% of customers, 55.8% of revenue." in learned(cdnow["30_rfm_quantiles"])
    assert "**Premium, active**: 5.6% of customers, 26.7% of revenue." in learned(cdnow["31_rfm_thresholds"])
    assert "Premium: 180 customers with 38.3% of revenue; 49 of them" in learned(cdnow["31_rfm_thresholds"])
    assert "250 customers, 43.3% of revenue" in learned(cdnow["40_segment_panels"])
    assert "The month of highest revenue is March 1997." in learned(cdnow["40_segment_panels"])
    migration = cdnow["60_migration"]
    assert "9 days up to 1997-09-30, scored by *quantiles*. The earlier days are computed from the log" in words(
        migration
    )
    assert (
        "55.8% of the customers of both days are in another segment: 72 customers moved up, worth 6,118 USD more"
        in words(migration)
    )
    assert "Most won by Lost (+272 customers); most lost by New (-356)." in learned(migration)
    clv = cdnow["33_clv"]
    assert "2,357 customers placed 1,882 repeat orders then" in words(clv)
    assert "independence holds roughly (rank correlation +0.21)" in words(clv)
    assert "they should place 1,577 orders in the next 273 days" in learned(clv)
    # Published: MBG/NBD predicts 1576.7 of 1882 orders, Pareto/NBD has the smallest error.
    told = "it predicted 0.84 times the orders that came (1,577 instead of 1,882)."
    assert f"MBG/NBD holds in its holdout: {told}" in learned(clv)
    assert "The smallest error per customer was that of Pareto/NBD" in learned(clv)


def test_three_customers_are_counted_right(three: dict[str, nbformat.NotebookNode]) -> None:
    told = words(three["10_data_quality"])
    assert "The source has 7 rows; 5 rows count: 4 orders of 3 customers, worth 385.00" in told
    assert "1 row could not be read" in learned(three["10_data_quality"])
    assert "date missing or unreadable" in tables(three["10_data_quality"])[1]
    assert "80% of revenue comes from 33% of customers" in learned(three["20_customers"])
    assert "b*2" in tables(three["20_customers"])[-1]
    clv = three["33_clv"]
    assert "The params ask for no predictions (`clv:`), so these are the defaults." in words(clv)
    assert "At least 3 customers must have repeat orders of positive and different mean value" in words(clv)
    assert "No spend model could be fitted" in words(clv)
    assert "- Nothing shows yet how far these predictions can be trusted" in learned(clv)
    moved = "1 customer moved up, worth 99.50 more; 1 customer moved down, worth the same."
    assert moved in learned(three["60_migration"])
    assert "Customer `b*2`. Loyal: last order 30 days ago" in words(three["30_rfm_quantiles"])


def test_customers_nobody_can_predict_end_in_a_sentence(tmp_path: Path) -> None:
    """One order each: no model fits, and the page about predictions says so from beginning to end."""
    orders = "customer,order_no,date,total\na,1,2025-01-05,10.00\nb,2,2025-03-20,20.00\n"
    for folder, name, text in (("params", "three.yml", PARAMS), ("data", "orders.csv", orders)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    clv = [p for p in NOTEBOOKS if p.stem == "33_clv"]
    page = execute_all(tmp_path, notebooks=clv, params=str(tmp_path / "params" / "three.yml"))["33_clv"]
    assert "must have ordered on two days. Got 2 one-time buyers" in words(page)
    assert learned(page).startswith("- These customers are too few, or have ordered too rarely, to predict from.")
    assert not [o for c in page.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "stream"]


@pytest.mark.parametrize("study", ["cdnow", "three"])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_pages_are_clean(path: Path, study: str, request: pytest.FixtureRequest) -> None:
    notebook = request.getfixturevalue(study)[path.stem]
    noise = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "stream"]
    assert not noise
    assert not re.search(r"\bnan\b|\bNone\b|\d\.0 (row|customer)", words(notebook))
    assert figures(notebook)
    for picture in figures(notebook):
        # Bytes 16 to 20 of a PNG are its width: 7.5 inches in double resolution, never cropped.
        assert int.from_bytes(picture[16:20], "big") == 1500
    for table in tables(notebook):
        assert table.count("<tr>") <= 21
        head = table.split("</thead>")[0]
        assert 2 <= head.count("<th ") <= 7
        assert "nan" not in table.lower().split("<tbody>")[1]
