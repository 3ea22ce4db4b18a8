"""Networks of a new container: `--network` in both forms, addresses, aliases, links, name servers."""

from __future__ import annotations

import _socket

from wherry.cli.flags import UsageError
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.cli.flags import Flags

_PRIVATE_FLAGS = ("ip", "ip6", "link-local-ip", "mac-address", "network-alias", "net-alias")


def is_address(text: str, *families: int) -> bool:
    """Whether `text` is an IP address (of one of the families; either when none is given)."""
    for family in families or (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, text)
            return True
        except (OSError, ValueError):
            pass
    return False


def is_user_defined(mode: str) -> bool:
    """Whether a network mode is the name of a network, not one of the built-in ones."""
    return mode not in ("default", "bridge", "host", "none", "") and not mode.startswith("container:")


def networking(flags: Flags) -> tuple[str, dict[str, Any]]:
    """The `NetworkMode` and the `EndpointsConfig` of the network flags. Raises Invalid for contradictions."""
    endpoints = [_endpoint(text) for text in flags.every("network") + flags.every("net")]
    given = [flag for flag in _PRIVATE_FLAGS if flags.given(flag)]
    if not endpoints:
        endpoints = [("default", {})]
    names = [name for name, _ in endpoints]
    if len(names) > 1 and not all(is_user_defined(name) for name in names):
        raise Invalid(
            "conflicting options: cannot attach both user-defined and non-user-defined network-modes"
        )
    if len(set(names)) != len(names):
        raise Invalid(f"network {next(n for n in names if names.count(n) > 1)!r} is specified multiple times")
    mode, first = endpoints[0]
    if given:
        _private(flags, mode, first, given)
    aliases = any(endpoint.get("Aliases") for _, endpoint in endpoints)
    if aliases and not is_user_defined(mode):
        raise Invalid("network-scoped aliases are only supported for user-defined networks")
    links = [_link(text) for text in flags.every("link")]
    if links and is_user_defined(mode):
        first["Links"] = links
    sent = {name: endpoint for name, endpoint in endpoints if endpoint or is_user_defined(name)}
    return mode, sent


def _private(flags: Flags, mode: str, endpoint: dict[str, Any], given: list[str]) -> None:
    """Put the flags that mean the first network into its endpoint."""
    if endpoint and any(flag != "link-local-ip" for flag in given):
        taken = {
            "ip": "IPAMConfig" in endpoint,
            "ip6": "IPAMConfig" in endpoint,
            "mac-address": "MacAddress" in endpoint,
        }
        for flag in given:
            if taken.get(flag):
                raise Invalid(f"conflicting options: cannot specify both --{flag} and per-network address")
    config: dict[str, Any] = endpoint.get("IPAMConfig", {})
    if flags.given("ip"):
        config["IPv4Address"] = _checked(flags.text("ip"), "ip", _socket.AF_INET)
    if flags.given("ip6"):
        config["IPv6Address"] = _checked(flags.text("ip6"), "ip6", _socket.AF_INET6)
    if flags.given("link-local-ip"):
        families = (_socket.AF_INET, _socket.AF_INET6)
        config["LinkLocalIPs"] = [
            _checked(text, "link-local-ip", *families) for text in flags.every("link-local-ip")
        ]
    if config:
        endpoint["IPAMConfig"] = config
    if flags.given("mac-address"):
        endpoint["MacAddress"] = _mac(flags.text("mac-address"))
    aliases = flags.every("network-alias") + flags.every("net-alias")
    if aliases:
        endpoint.setdefault("Aliases", []).extend(aliases)


def _checked(text: str, flag: str, *families: int) -> str:
    if not is_address(text, *families):
        raise Invalid(f'invalid argument "{text}" for "--{flag}" flag: IP address is not correctly formatted')
    return text


def _mac(text: str) -> str:
    parts = text.replace("-", ":").split(":")
    if len(parts) != 6 or not all(
        len(p) == 2 and all(c in "0123456789abcdefABCDEF" for c in p) for p in parts
    ):
        raise Invalid(f"{text} is not a valid mac address")
    return text


def _endpoint(text: str) -> tuple[str, dict[str, Any]]:
    """A --network: its name, and what its long form (`name=…,alias=…,ip=…`) asks for."""
    if "=" not in text:
        if text.startswith("container:") and not text.partition(":")[2]:
            raise UsageError("invalid network mode: container: wants a container's name or id")
        return text or "default", {}
    name = ""
    endpoint: dict[str, Any] = {}
    for field in text.split(","):
        key, equals, value = field.partition("=")
        key = key.strip().lower()
        if not equals:
            raise _bad_network(text, f"invalid field {field}")
        if key == "name":
            name = value
        elif key == "alias":
            endpoint.setdefault("Aliases", []).append(value)
        elif key == "driver-opt":
            option, _, setting = value.partition("=")
            endpoint.setdefault("DriverOpts", {})[option] = setting
        elif key == "ip":
            endpoint.setdefault("IPAMConfig", {})["IPv4Address"] = _checked(value, "network", _socket.AF_INET)
        elif key == "ip6":
            endpoint.setdefault("IPAMConfig", {})["IPv6Address"] = _checked(
                value, "network", _socket.AF_INET6
            )
        elif key == "link-local-ip":
            endpoint.setdefault("IPAMConfig", {}).setdefault("LinkLocalIPs", []).append(value)
        elif key == "mac-address":
            endpoint["MacAddress"] = _mac(value)
        elif key == "gw-priority":
            try:
                endpoint["GwPriority"] = int(value)
            except ValueError:
                raise _bad_network(text, f"invalid gw-priority ({value})") from None
        else:
            raise _bad_network(text, f"invalid field key {key}")
    if not name:
        raise _bad_network(text, "network name is required")
    return name, endpoint


def _bad_network(text: str, why: str) -> UsageError:
    return UsageError(f'invalid argument "{text}" for "--network" flag: {why}')


def _link(text: str) -> str:
    parts = text.split(":")
    if not text or len(parts) > 2 or not all(parts):
        raise UsageError(f'invalid argument "{text}" for "--link" flag: bad format for links: {text}')
    return text


def links(flags: Flags) -> list[str]:
    """The `Links` of --link."""
    return [_link(text) for text in flags.every("link")]


def extra_hosts(values: list[str]) -> list[str]:
    """The `ExtraHosts` of --add-host NAME:IP or NAME=IP; `host-gateway` stands for this machine."""
    result = []
    for text in values:
        equals, colon = text.find("="), text.find(":")
        cut = equals if equals > 0 and (colon < 0 or equals < colon) else colon
        name, address = text[:cut], text[cut + 1 :].strip("[]")
        flag = f'invalid argument "{text}" for "--add-host" flag'
        if cut <= 0 or not address:
            raise UsageError(f'{flag}: bad format for add-host: "{text}"')
        if address != "host-gateway" and not is_address(address):
            raise UsageError(f'{flag}: invalid IP address in add-host: "{address}"')
        result.append(f"{name}:{address}")
    return result


def name_servers(values: list[str]) -> list[str]:
    """The `Dns` of --dns."""
    for text in values:
        if not is_address(text):
            raise UsageError(
                f'invalid argument "{text}" for "--dns" flag: IP address is not correctly formatted: {text}'
            )
    return values


def search_domains(values: list[str]) -> list[str]:
    """The `DnsSearch` of --dns-search; a dot alone means none."""
    for text in values:
        parts = text.rstrip(".").split(".") if text != "." else ["x"]
        if not all(0 < len(part) < 64 and part.replace("-", "").replace("_", "").isalnum() for part in parts):
            raise UsageError(
                f'invalid argument "{text}" for "--dns-search" flag: {text} is not a valid domain'
            )
    return values
