"""Products in the lists and tables of a study."""

from typing import Any

import pandas as pd
import pytest

from rfm_ml.core.errors import ParamsError
from rfm_ml.features.products.products import Offers, offer_list, segment_products
from rfm_ml.reporting.run import run_study
from rfm_ml.study import Study

LINES = """customer_id,order_id,ordered_at,amount,product_id
ann,1,2024-06-05,20.00,tea
ann,2,2024-06-10,35.50,jam
bob,4,2024-06-07,80.00,tea
cat,6,2024-05-30,9.99,gin
dan,7,2024-06-29,150.00,jam
eve,9,2023-06-15,22.00,rum
"""


def test_three_products_follow_each_customer_into_the_list(shop: Any) -> None:
    shop.orders.write_text(LINES)
    (shop.base / "data" / "products.csv").write_text("product_id,name,margin\ntea,Green tea,0.3\njam,Plum jam,0.4\n")
    shop.write_params(more="products: {path: data/products.csv}\nrecommendations: {per_customer: 2}\n")
    run_study(shop.params)
    listed = pd.read_csv(shop.report() / "segments" / "quantiles.csv").set_index("customer_id")
    assert listed.columns[-4:].tolist() == ["product_1", "product_1_name", "product_2", "product_2_name"]
    assert listed.loc["cat", "product_1":].tolist() == ["jam", "Plum jam", "tea", "Green tea"]
    assert listed.loc["ann", "product_1"] == "gin"  # rum was sold before the season of last year
    assert pd.isna(listed.loc["ann", "product_2"])
    table = pd.read_csv(shop.report() / "tables" / "products_quantiles.csv")
    assert table.columns[:3].tolist() == ["segment", "rank", "product"]
    assert set(table["product"]) == {"tea", "jam", "gin"}


def test_without_recommendations_lists_have_no_products(shop: Any) -> None:
    shop.orders.write_text(LINES)
    study = Study(shop.params)
    assert not offer_list(study).columns.str.startswith("product").any()
    with pytest.raises(ParamsError, match="no recommendations: in the params"):
        segment_products(study)


def test_what_the_log_does_not_name_cannot_be_offered(shop: Any) -> None:
    shop.write_params(more="recommendations: {}\n")
    with pytest.raises(ParamsError, match=r"what the order log names: product_id\. It does not"):
        run_study(shop.params)
    assert not shop.report().exists()


def test_a_notebook_shows_products_by_name_or_says_why_there_are_none(shop: Any) -> None:
    why = Offers(Study(shop.params))
    assert why.why_not.startswith("The params ask for no products")
    assert why.products.empty
    assert why.reach.empty
    shop.orders.write_text(LINES)
    (shop.base / "data" / "products.csv").write_text("product_id,name\ntea,Green tea\n")
    shop.write_params(more="products: {path: data/products.csv}\nrecommendations: {}\n")
    offers = Offers(Study(shop.params))
    assert set(offers.products["label"]) == {"Green tea", "jam", "gin"}
    assert offers.reach["customers"].sum() == 5
    assert offers.reach["offers"].sum() == 1 + 2 + 2 + 2 + 3  # of three: ann has two, eve none
