"""rfm_ml: customer segments from an order log, and the evidence for them."""

__version__ = "0.1.0"
