"""Carriers that deliver written lists: mail, folders elsewhere, webhooks. What was delivered is not delivered again."""

from rfm_ml.campaigns.carriers.folder import FolderCarrier
from rfm_ml.campaigns.carriers.mail import MailCarrier, MailServer
from rfm_ml.campaigns.carriers.parcel import Carrier, Parcel, ParcelFile, read_parcel
from rfm_ml.campaigns.carriers.receipts import Receipts
from rfm_ml.campaigns.carriers.webhook import Webhook, WebhookCarrier

__all__ = [
    "Carrier",
    "FolderCarrier",
    "MailCarrier",
    "MailServer",
    "Parcel",
    "ParcelFile",
    "Receipts",
    "Webhook",
    "WebhookCarrier",
    "read_parcel",
]
