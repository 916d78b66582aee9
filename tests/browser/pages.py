"""Every page that can be looked at, in one place."""

from __future__ import annotations

PUBLIC = ["/", "/help", "/about"]
EMPTY_ACCOUNT = ["/home", "/palette?q=camp"]
