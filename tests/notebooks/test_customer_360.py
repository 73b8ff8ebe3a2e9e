"""The page of one customer: by the guide's command, and for customers of whom little is known."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
ORDERS = """customer,order_no,date,total,channel
ann bell,1,2025-01-05,10.00,web
ann bell,2,2025-02-05,30.00,shop
back,3,2025-03-05,-20.00,web
once,4,2025-03-20,5.00,web
"""
CONTACTS = "customer_id,email,tags,consent_email\nann bell,ann@example.com,vip,yes\nnew,new@example.com,,no\n"
PARAMS = """study: few
as_of: 2025-03-31
orders:
  path: data/orders.csv
  columns: {customer_id: customer, order_id: order_no, ordered_at: date, amount: total}
contacts: {path: data/contacts.csv}
strategies: {thresholds: {use: threshold_rfm, map: three_level}}
notebooks: [10_data_quality]
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "notebooks" / "explore", base / "notebooks" / "explore")
    for folder, name, text in (
        ("params", "few.yml", PARAMS),
        ("data", "orders.csv", ORDERS),
        ("data", "contacts.csv", CONTACTS),
    ):
        (base / folder).mkdir(exist_ok=True)
        (base / folder / name).write_text(text)
    shutil.copy(ROOT / "params" / "cdnow.yml", base / "params")
    return base


def written(clone: Path, command: str) -> nbformat.NotebookNode:
    program, *arguments = shlex.split(command)
    assert program == "papermill"
    found = {"PATH": str(Path(sys.executable).parent), "PYTHONPATH": str(ROOT)}
    env = os.environ | {k: os.pathsep.join([v, os.environ.get(k, "")]) for k, v in found.items()}
    done = subprocess.run(
        [sys.executable, "-m", "papermill", *arguments], cwd=clone, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return nbformat.read(clone / arguments[1], as_version=4)


def said(notebook: nbformat.NotebookNode) -> str:
    outputs = [o.get("data", {}) for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    return "\n".join(d.get("text/markdown") or d.get("text/html") or "" for d in outputs)


def test_the_command_of_the_guide_writes_the_page(clone: Path) -> None:
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^papermill .*customer_360.*$", guide, flags=re.MULTILINE)
    page = said(written(clone, command))
    assert "Customer `2` of **CDNOW, a music shop in 1997**, seen from 1997-09-30: *At risk* by *quantiles*" in page
    assert "MBG/NBD of 1997-09-30" in page
    assert "no contacts, events, campaigns, recommendations, triggers, dynamic segments, channels" in page


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("ann bell", "- 2 orders, 40.00 in all."),
        ("new", "- Their segment is *Prospect*. A first order makes him a customer."),
        ("back", "- 0 orders, -20.00 in all."),
    ],
)
def test_it_is_written_for_customers_of_whom_little_is_known(clone: Path, who: str, told: str) -> None:
    notebook = "papermill notebooks/explore/customer_360.ipynb few.ipynb -p params params/few.yml"
    page = said(written(clone, f"{notebook} -p customer_id '{who}'"))
    assert told in page
    assert "example.com" not in page
