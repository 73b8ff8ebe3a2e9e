"""Files that hold personal data: nobody but their owner may read them, from the first byte on."""

import os
from pathlib import Path
from typing import BinaryIO


def open_private(path: Path) -> BinaryIO:
    """Open a new file for writing bytes, with mode 0600; a file that is already there is replaced.

    The mode is given when the file is made, so there is no moment in which others could open it. The old file
    is removed first, because writing into it would keep its mode and follow a link somebody placed there.
    """
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")
