"""What S3's errors mean for a landing zone, and what to do about each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.landing.uploads import LandingUnavailableError

if TYPE_CHECKING:
    from pipelines.landing.address import S3Prefix

_UNKNOWN_CREDENTIALS = {
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
}  # fmt: skip
_OTHER_REGION = {
    "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "TemporaryRedirect",
    "301", "IncorrectEndpoint",
}  # fmt: skip
_BUSY = {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "503", "429"}
_NO_CREDENTIALS = {
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError",
    "UnauthorizedSSOTokenError", "SSOTokenLoadError",
}  # fmt: skip


def code_of(error: BaseException) -> str:
    """S3's own code of an error, or the name of the client's error if S3 never answered."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    found = response.get("Error", {}).get("Code")
    return str(found or response.get("ResponseMetadata", {}).get("HTTPStatusCode") or type(error).__name__)


def unavailable(
    error: BaseException, action: str, where: S3Prefix, region: str | None = None, endpoint: str | None = None
) -> LandingUnavailableError:
    """The error to raise when the bucket cannot be used: what was tried, where, why, and what to do."""
    code = code_of(error)
    place = f"bucket {where.bucket!r}, prefix {where.key_prefix!r}" if where.bucket else "the landing zone"
    via = f" at {endpoint}" if endpoint else ""
    return LandingUnavailableError(
        f"Cannot {action}: {place}{via} ({_account(where)}, region {region or 'not set'}): {_remedy(code, where)} "
        f"[{code}: {_sentence(error)}]"
    )


def _remedy(code: str, where: S3Prefix) -> str:
    if code in {"AccessDenied", "AllAccessDisabled", "403"}:
        return (
            "access is denied. Allow this principal s3:ListBucket on the bucket and s3:GetObject (to add files, "
            "s3:PutObject too) below the prefix; docs/landing-zone.md has the policies."
        )
    if code in _UNKNOWN_CREDENTIALS:
        return "the credentials are unknown or have expired. Renew them, or name the profile that holds valid ones."
    if code in _NO_CREDENTIALS:
        return (
            "there are no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, give the "
            f"machine a role, or name a profile in the address: s3://<profile>@{where.bucket or '<bucket>'}/..."
        )
    if code == "ProfileNotFound":
        return "there is no AWS profile of that name. Correct PIPELINES_LANDING, or add it to AWS's configuration."
    if code == "NoSuchBucket":
        return "there is no such bucket. Correct PIPELINES_LANDING, or create the bucket."
    if code in _OTHER_REGION:
        return "the bucket is in another region. Set AWS_REGION, or the profile's region, to the bucket's."
    if code in _BUSY:
        return (
            "S3 asks to slow down, and did so for every attempt. It is tried again at the next tick or retry; if it "
            "lasts, let less programs list this prefix."
        )
    if code in {"InvalidRegionError", "NoRegionError"}:
        return "the region is missing or none. Set AWS_REGION, or the profile's region, to the bucket's."
    return (
        "it is not reachable or answers with an error. Check the network and AWS_ENDPOINT_URL; it is tried again at "
        "the next tick or retry."
    )


def _account(where: S3Prefix) -> str:
    return f"profile {where.profile!r}" if where.profile else "credentials of the environment"


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
