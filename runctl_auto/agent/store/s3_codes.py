"""Error codes of S3 by what they ask of the caller."""

from __future__ import annotations

PASSING_CODES = {
    "SlowDown",
    "RequestTimeout",
    "InternalError",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
}
"""It passes: the same request succeeds later."""
STALE_CREDENTIALS_CODES = {"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"}
