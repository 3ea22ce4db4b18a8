"""What happens to a container while it lives: health checks, restarts, logs."""

from __future__ import annotations

from wherry.cli.options.environment import pairs
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.cli.flags import Flags

_TIMES = (
    ("health-interval", "Interval"),
    ("health-timeout", "Timeout"),
    ("health-start-period", "StartPeriod"),
    ("health-start-interval", "StartInterval"),
)
_CHECK_FLAGS = ("health-cmd", "health-retries", *(flag for flag, _ in _TIMES))


def health(flags: Flags) -> dict[str, Any] | None:
    """The `Healthcheck` of the health flags; None when the image's own holds."""
    checking = flags.given(*_CHECK_FLAGS)
    if flags.on("no-healthcheck"):
        if checking:
            raise Invalid("--no-healthcheck conflicts with --health-* options")
        return {"Test": ["NONE"]}
    if not checking:
        return None
    result: dict[str, Any] = {}
    if flags.text("health-cmd"):
        result["Test"] = ["CMD-SHELL", flags.text("health-cmd")]
    for flag, field in _TIMES:
        if flags.given(flag):
            result[field] = flags.nanoseconds(flag)
            if result[field] < 0:
                raise Invalid(f"--{flag} cannot be negative")
    if flags.given("health-retries"):
        result["Retries"] = flags.number("health-retries")
        if result["Retries"] < 0:
            raise Invalid("--health-retries cannot be negative")
    return result


def restart_policy(text: str) -> dict[str, Any]:
    """The `RestartPolicy` of `NAME[:RETRIES]`."""
    name, colon, count = text.partition(":")
    policy: dict[str, Any] = {"Name": name or "no", "MaximumRetryCount": 0}
    if not name and text:
        raise Invalid("invalid restart policy format: no policy provided before colon")
    if colon:
        try:
            policy["MaximumRetryCount"] = int(count)
        except ValueError:
            raise Invalid("invalid restart policy format: maximum retry count must be an integer") from None
    return policy


def log_config(flags: Flags) -> dict[str, Any]:
    """The `LogConfig` of --log-driver and --log-opt."""
    driver = flags.text("log-driver")
    if driver == "none" and flags.given("log-opt"):
        raise Invalid("invalid logging opts for driver none")
    return {"Type": driver, "Config": pairs(flags.every("log-opt"))}
