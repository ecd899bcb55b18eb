"""The landing zone: where uploads arrive, `<kind>/<upload day>/...`, in a folder or below a prefix of an S3 bucket.

`Settings.landing` is its address. What the two have in common is `pipelines.landing.uploads.Uploads`.
"""

from pipelines.landing.address import Address, InvalidAddressError, S3Prefix, landing_address
from pipelines.landing.listing import DayListing, Kind, list_day, top_entries
from pipelines.landing.opening import uploads_at
from pipelines.landing.placing import place, uploads_by_name
from pipelines.landing.uploads import FileChangedError, LandedFile, LandingUnavailableError, Uploads

__all__ = [
    "Address",
    "DayListing",
    "FileChangedError",
    "InvalidAddressError",
    "Kind",
    "LandedFile",
    "LandingUnavailableError",
    "S3Prefix",
    "Uploads",
    "landing_address",
    "list_day",
    "place",
    "top_entries",
    "uploads_at",
    "uploads_by_name",
]
