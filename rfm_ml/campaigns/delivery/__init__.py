"""Delivery of lists beside files: mail, folders elsewhere, webhooks. What is sent once is not sent again."""

from rfm_ml.campaigns.delivery.folder import RemoteFolder
from rfm_ml.campaigns.delivery.hook import Hook
from rfm_ml.campaigns.delivery.parcel import Carrier, Parcel, ParcelFile, read_parcel
from rfm_ml.campaigns.delivery.receipts import Receipts
from rfm_ml.campaigns.delivery.smtp import Mail, MailServer

__all__ = ["Carrier", "Hook", "Mail", "MailServer", "Parcel", "ParcelFile", "Receipts", "RemoteFolder", "read_parcel"]
