"""The synthetic webshop: customers, orders, contacts, events and campaigns with a planted truth."""

from rfm_ml.webshop.shop import write_webshop

__all__ = ["write_webshop"]
