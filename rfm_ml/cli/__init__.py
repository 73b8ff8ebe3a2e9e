"""The command line: thin, every message a sentence, exit codes as documented.

0 done, 2 bad params, 3 bad data, 4 a notebook failed, 5 a gate stopped the export, 1 anything else.
"""

import os
import sys
from collections.abc import Sequence

import typer

from rfm_ml.cli import (  # noqa: F401 - their commands join the application
    around,
    customers,
    deliver,
    dynamic,
    history,
    runs,
    triggers,
)
from rfm_ml.cli.app import app, errors
from rfm_ml.core.errors import RfmError


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and end with the exit code of the error, if there is one."""
    try:
        code = app(args=argv, standalone_mode=False)
    except RfmError as error:
        errors.print(f"rfm-ml: {error}", markup=False)
        sys.exit(error.exit_code)
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
    except OSError as error:
        told = f"{error.filename!r}: {error.strerror}" if error.filename else str(error)
        errors.print(f"rfm-ml: The place must be there and open to us. {told}.", markup=False)
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        errors.print("rfm-ml: stopped; nothing was published.")
        sys.exit(130)
    except Exception as error:
        if hasattr(error, "format_message"):  # click's own errors: a wrong option, a missing argument
            errors.print(f"rfm-ml: {error.format_message()} See rfm-ml --help.", markup=False)
            sys.exit(2)
        if os.environ.get("RFM_ML_DEBUG"):
            raise
        errors.print(f"rfm-ml: a fault of the program, not of yours: {type(error).__name__}: {error}", markup=False)
        errors.print("Please report it. With RFM_ML_DEBUG=1 in the environment you see where it happened.")
        sys.exit(1)
    sys.exit(code or 0)
