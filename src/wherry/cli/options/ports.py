"""Published and exposed ports: `80`, `8080:80`, `127.0.0.1:8080:80/udp`, `[::1]::80`, ranges, long forms."""

from __future__ import annotations

from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    Bindings = dict[str, list[dict[str, str]]]

_PROTOCOLS = ("tcp", "udp", "sctp")


def published(values: list[str]) -> Bindings:
    """The `PortBindings` of --publish: container port/protocol to host addresses and ports."""
    bindings: Bindings = {}
    for text in values:
        for port, address, host in _published(_short_form(text)):
            bindings.setdefault(port, []).append({"HostIp": address, "HostPort": host})
    return bindings


def exposed(values: list[str]) -> list[str]:
    """The ports of --expose, each as PORT/PROTOCOL."""
    found = []
    for text in values:
        if ":" in text:
            raise Invalid(f"invalid port format for --expose: {text}")
        port, _, protocol = text.partition("/")
        try:
            first, last = _range(port)
        except ValueError as error:
            raise Invalid(f"invalid range format for --expose: {text}, error: {error}") from None
        found += [f"{number}/{_protocol(protocol)}" for number in range(first, last + 1)]
    return found


def _short_form(text: str) -> str:
    """`target=80,published=8080,protocol=udp` as `8080:80/udp`; anything else as it is."""
    if "=" not in text:
        return text
    port = published_port = ""
    protocol = "tcp"
    for field in text.split(","):
        key, equals, value = field.partition("=")
        key = key.strip().lower()
        if not equals:
            raise Invalid(f"invalid field {field}")
        if key == "target":
            port = value
        elif key == "published":
            published_port = value
        elif key == "protocol":
            protocol = value
        elif key == "mode":
            if value not in ("ingress", "host"):
                raise Invalid(f"invalid publish mode value '{value}'")
        else:
            raise Invalid(f"invalid field key {key}")
    if not port:
        raise Invalid(f"missing mandatory field 'target' in {text}")
    return f"{published_port}:{port}/{protocol}" if published_port else f"{port}/{protocol}"


def _published(text: str) -> list[tuple[str, str, str]]:
    """(container port/protocol, host address, host port) of one --publish; a range gives several."""
    rest, _, container = text.rpartition(":")
    address, _, host = rest.rpartition(":")
    container, slash, protocol = container.partition("/")
    protocol = _protocol(protocol if slash else "tcp")
    address = _address(address)
    if not container:
        raise Invalid(f"no port specified: {text}<empty>")
    try:
        first, last = _range(container)
    except ValueError:
        raise Invalid(f"invalid containerPort: {container}") from None
    try:
        host_first, host_last = _range(host) if host else (0, 0)
    except ValueError:
        raise Invalid(f"invalid hostPort: {host}") from None
    if host and last - first != host_last - host_first:
        if first != last:
            raise Invalid(f"invalid ranges specified for container and host Ports: {container} and {host}")
        return [(f"{first}/{protocol}", address, f"{host_first}-{host_last}")]
    return [
        (f"{first + step}/{protocol}", address, str(host_first + step) if host else "")
        for step in range(last - first + 1)
    ]


def _range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    low = _port(first)
    high = _port(last) if dash else low
    if high < low:
        raise ValueError(f"invalid range specified for port: {text}")
    return low, high


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f'parsing "{text}": invalid syntax')
    if int(text) > 65535:
        raise ValueError(f'parsing "{text}": value out of range')
    return int(text)


def _protocol(text: str) -> str:
    protocol = text.lower() or "tcp"
    if protocol not in _PROTOCOLS:
        raise Invalid(f"invalid proto: {text}")
    return protocol


def _address(text: str) -> str:
    from wherry.cli.options.networks import is_address

    bare = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    if bare and not is_address(bare):
        raise Invalid(f"invalid IP address: {text}")
    return bare
