"""Network addresses as people write them: host:port, [IPv6]:port, or a host alone. Pure."""

from __future__ import annotations

import ipaddress
import re

from watcher.errors import Rejected

PORT_LIMIT = 65535


def split_address(text: str) -> tuple[str, int | None]:
    """Return the host, without brackets, and the port, or None where there is none. The host may be empty.

    Raises:
        Rejected: the text is not an address; the message says what is expected.

    """
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not _is_ipv6(host) or rest[:1] not in {"", ":"}:
            raise Rejected("Malformed", f"'{text}' is not an address: expected [IPv6]:port, such as [::1]:8080")
        return host, _port(rest[1:]) if rest else None
    if _is_ipv6(text) or text.count(":") > 1:
        raise Rejected("Malformed", f"'{text}': an IPv6 address needs brackets, such as [::1]:8080")
    host, colon, port = text.partition(":")
    if host and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?", host):
        raise Rejected("Malformed", f"'{host}' is not a host: expected a name or an IP address")
    return host, _port(port) if colon else None


def join_address(host: str, port: int | None = None) -> str:
    """Return `host:port`, with brackets around an IPv6 address."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > PORT_LIMIT:
        raise Rejected("Malformed", f"'{text}' is not a port: expected a number from 0 to {PORT_LIMIT}")
    return int(text)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
