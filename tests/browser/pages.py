"""Every page that can be looked at, in one place."""

from __future__ import annotations

PUBLIC = ["/", "/help", "/about"]
EMPTY_ACCOUNT = ["/home", "/palette?q=camp"]
#: With {campaign}: the newest campaign of the sample data.
FULL_ACCOUNT = [
    "/home",
    "/palette?q=alice",
    "/campaigns/{campaign}/progress",
    "/campaigns/{campaign}/receipt",
    "/campaigns/{campaign}/recipients",
    "/campaigns/{campaign}/recipients?state=failed",
    "/campaigns/{campaign}/uncertain",
]
