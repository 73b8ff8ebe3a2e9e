"""Lists by webhook: a signed message that says what is there, with the files in it if asked for."""

import base64
import json
import time

from rfm_ml.campaigns.delivery.parcel import Parcel
from rfm_ml.campaigns.webhook import Webhook
from rfm_ml.core.errors import DataError


class Hook:
    """A receiver of signed messages about lists.

    Parameters
    ----------
    webhook
        Where to, how often and how patiently.
    attach
        Put the files into the message, in base64; otherwise it says what was written.
    max_mb
        Largest size of the files in a message together.
    total_seconds
        Time limit of all tries.
    """

    def __init__(
        self, webhook: Webhook, *, attach: bool = False, max_mb: float = 10, total_seconds: float = 120
    ) -> None:
        self.webhook, self.attach, self.max_mb, self.total_seconds = webhook, attach, max_mb, total_seconds

    @property
    def where(self) -> str:
        """The host."""
        return f"webhook at {self.webhook.host}{', list in the message' if self.attach else ''}"

    def body(self, parcel: Parcel) -> bytes:
        """Return the message: study, audience, day, destination, and each file with rows, bytes and SHA-256.

        Raises
        ------
        DataError
            If the files are too large for a message.
        """
        size = sum(f.bytes for f in parcel.files)
        if self.attach and size > self.max_mb * 1e6:
            raise DataError(
                f"A list in a message must have at most {self.max_mb:g} MB. {parcel.audience} has {size / 1e6:.1f}. "
                "Use a folder, or attach: false."
            )
        files = [
            {"name": f.name, "rows": f.rows, "bytes": f.bytes, "sha256": f.sha256}
            | ({"content": base64.b64encode(f.path.read_bytes()).decode()} if self.attach else {})
            for f in parcel.files
        ]
        about = {name: getattr(parcel, name) for name in ("study", "audience", "as_of", "destination")}
        return json.dumps(about | {"files": files}, ensure_ascii=False, sort_keys=True).encode()

    def send(self, parcel: Parcel) -> list[str]:
        """Post the message; the same list has the same idempotency key.

        Raises
        ------
        DeliveryError
            As `Webhook.post`. Trying again is safe where the receiver drops keys it knows.
        """
        self.webhook.post(self.body(parcel), key=parcel.digest[:32], deadline=time.monotonic() + self.total_seconds)
        return []
