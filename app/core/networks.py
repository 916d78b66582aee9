"""Networks instead of addresses: where somebody came from, not who it was."""

from __future__ import annotations

import ipaddress


def shortened(address: str | None) -> str:
    """/24 of IPv4, /48 of IPv6; empty for what is no address."""
    if not address:
        return ""
    try:
        prefix = 24 if ipaddress.ip_address(address).version == 4 else 48
    except ValueError:
        return ""
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))
