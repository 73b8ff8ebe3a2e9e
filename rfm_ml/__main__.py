"""`python -m rfm_ml` is `rfm-ml`."""

from rfm_ml.cli import main

main()
