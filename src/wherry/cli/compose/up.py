"""`wherry compose up`: make and start what the files describe; change only what changed."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.applying import Applying, Wanted
from wherry.errors import Invalid, Unsupported

CREATE_FLAGS = (
    ("build", "", "bool", "Build images before", ""),
    ("no-build", "", "bool", "Accepted: an image is only built when it is missing", ""),
    ("force-recreate", "", "bool", "Make all containers anew", ""),
    ("no-recreate", "", "bool", "Make none anew, also when its configuration changed", ""),
    ("pull", "", "text:WHEN", "always, missing or never", ""),
    ("quiet-pull", "", "bool", "Accepted: pulling says nothing here", ""),
    ("remove-orphans", "", "bool", "Remove containers of services that are not in the files", ""),
    ("scale", "", "list:SERVICE=N", "How many containers of a service", ""),
    ("renew-anon-volumes", "V", "bool", "Do not take anonymous volumes over", ""),
    ("timeout", "t", "int", "Seconds before a container that stops is killed", ""),
)


def wanted(invocation: Invocation) -> Wanted:
    """What the flags ask for. Raises Invalid for those that contradict each other."""
    flags = invocation.flags
    if flags.on("force-recreate") and flags.on("no-recreate"):
        raise Invalid("--force-recreate and --no-recreate are incompatible")
    scale = {}
    for text in flags.every("scale"):
        name, equals, number = text.partition("=")
        if not equals or not number.isdigit():
            raise Invalid(f"invalid --scale option {text!r}: should be SERVICE=NUM")
        scale[name] = int(number)
    return Wanted(
        services=invocation.arguments,
        scale=scale,
        force=flags.on("force-recreate"),
        never=flags.on("no-recreate"),
        remove_orphans=flags.on("remove-orphans"),
        wait=flags.on("wait"),
        wait_timeout=flags.number("wait-timeout"),
        pull=flags.text("pull"),
        build=flags.on("build"),
        dependencies=not flags.on("no-deps"),
        renew_volumes=flags.on("renew-anon-volumes"),
        timeout=flags.number("timeout") if flags.given("timeout") else None,
    )


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    if flags.on("watch"):
        raise Unsupported("--watch is not supported", hint="`wherry compose up` after a change")
    stays = not (flags.on("detach") or flags.on("wait") or flags.on("no-start"))
    asked = wanted(invocation)._replace(start=not flags.on("no-start"))
    applying = Applying(project.connections, project.project, asked, project.say)
    if not stays:
        applying.run()
        return 0
    from wherry.cli.compose.following import stay

    return stay(
        project,
        applying,
        exit_code_from=flags.text("exit-code-from"),
        abort=flags.on("abort-on-container-exit") or flags.given("exit-code-from"),
        prefix=not flags.on("no-log-prefix"),
        timeout=asked.timeout,
    )


COMMAND = Command(
    run,
    usage="[OPTIONS] [SERVICE...]",
    maximum=None,
    flags=(
        ("detach", "d", "bool", "Leave it running in the background", ""),
        ("wait", "", "bool", "Until all is running and healthy; implies -d", ""),
        ("wait-timeout", "", "int", "At most so many seconds", ""),
        ("no-start", "", "bool", "Only make it", ""),
        ("no-deps", "", "bool", "Not what the services depend on", ""),
        ("abort-on-container-exit", "", "bool", "Stop all when one ends", ""),
        ("exit-code-from", "", "text:SERVICE", "End with the exit code of this service; stops all", ""),
        ("no-log-prefix", "", "bool", "Logs without the container's name before each line", ""),
        ("no-color", "", "bool", "Accepted: NO_COLOR is asked", ""),
        ("watch", "w", "bool", "Refused in this version", ""),
        *CREATE_FLAGS,
    ),
    details="Without -d it shows what the containers write; ctrl-C stops them.",
)
