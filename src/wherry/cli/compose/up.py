"""`wherry compose up`: make and start what the files describe; change only what changed."""

from __future__ import annotations

from collections.abc import Iterable

from wherry.cli.command import Command, Invocation
from wherry.cli.compose.opened import opened
from wherry.compose.applying import Applying, Wanted
from wherry.compose.plan import order
from wherry.errors import Invalid, NotFound

CREATE_FLAGS = (
    ("build", "", "bool", "Build images before", ""),
    ("no-build", "", "bool", "Accepted: an image is only built when it is missing", ""),
    ("force-recreate", "", "bool", "Make all containers anew", ""),
    ("no-recreate", "", "bool", "Make none anew, also when its configuration changed", ""),
    ("pull", "", "text:WHEN", "always, missing or never", ""),
    ("quiet-pull", "", "bool", "Accepted: pulling says nothing here", ""),
    ("quiet-build", "", "bool", "Accepted: building says nothing here", ""),
    ("yes", "y", "bool", "Accepted: nothing is asked", ""),
    ("remove-orphans", "", "bool", "Remove containers of services that are not in the files", ""),
    ("scale", "", "list:SERVICE=N", "How many containers of a service", ""),
    ("renew-anon-volumes", "V", "bool", "Do not take anonymous volumes over", ""),
    ("timeout", "t", "int", "Seconds before a container that stops is killed", ""),
)


def scales(texts: Iterable[str]) -> dict[str, int]:
    """`SERVICE=N` as numbers by service. Raises Invalid."""
    found = {}
    for text in texts:
        name, equals, number = text.partition("=")
        if not equals or not number.isdigit():
            raise Invalid(f"invalid --scale option {text!r}: should be SERVICE=NUM")
        found[name] = int(number)
    return found


def wanted(invocation: Invocation) -> Wanted:
    """What the flags ask for. Raises Invalid for those that contradict each other."""
    flags = invocation.flags
    if flags.on("force-recreate") and flags.on("no-recreate"):
        raise Invalid("--force-recreate and --no-recreate are incompatible")
    return Wanted(
        services=invocation.arguments,
        scale=scales(flags.every("scale")),
        force=flags.on("force-recreate"),
        never=flags.on("no-recreate"),
        remove_orphans=flags.on("remove-orphans"),
        wait=flags.on("wait"),
        wait_timeout=flags.number("wait-timeout"),
        pull=flags.text("pull"),
        build=flags.on("build"),
        dependencies=not flags.on("no-deps"),
        force_dependencies=flags.on("always-recreate-deps"),
        renew_volumes=flags.on("renew-anon-volumes"),
        timeout=flags.number("timeout") if flags.given("timeout") else None,
    )


def run(invocation: Invocation) -> int:
    flags, project = invocation.flags, opened(invocation)
    stays = not (flags.on("detach") or flags.on("wait") or flags.on("no-start"))
    if flags.on("watch") and not stays:
        raise Invalid("--watch cannot be combined with --detach, --wait or --no-start")
    asked = wanted(invocation)._replace(start=not flags.on("no-start"))
    for name in [*flags.every("attach"), *flags.every("no-attach")]:
        if name not in project.project.services:
            raise NotFound(f"no such service: {name}")
    applying = Applying(project.connections, project.project, asked, project.say)
    if not stays:
        applying.run()
        return 0
    if project.rehearsed:
        applying.run()
        print("end of 'compose up' output, interactive run is not supported in dry-run mode")
        return 0
    from wherry.cli.compose.following import Staying, stay

    watching = None
    if flags.on("watch"):
        from wherry.compose.watching import Watching

        watch = Watching(project.connections, project.project, invocation.arguments, project.say)

        def watching() -> None:
            watch.first()
            watch.run()

    how = Staying(
        frozenset(_shown(invocation)),
        abort=flags.on("abort-on-container-exit")
        or flags.on("abort-on-container-failure")
        or flags.given("exit-code-from"),
        only_failures=flags.on("abort-on-container-failure"),
        exit_code_from=flags.text("exit-code-from"),
        prefix=not flags.on("no-log-prefix"),
        timestamps=flags.on("timestamps"),
        timeout=asked.timeout,
    )
    return stay(project, applying, how, watching)


def _shown(invocation: Invocation) -> list[str]:
    """The services whose output is shown: those named, or all, without `attach: false` and --no-attach."""
    flags, loaded = invocation.flags, opened(invocation).project
    if flags.every("attach"):
        return list(flags.every("attach"))
    chosen = list(invocation.arguments) or list(loaded.services)
    if flags.on("attach-dependencies"):
        chosen = order(loaded, chosen)
    quiet = {*flags.every("no-attach")}
    return [
        name
        for name in chosen
        if name not in quiet and loaded.services[name].fields.get("attach", True) is not False
    ]


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
        ("always-recreate-deps", "", "bool", "Make what the services depend on anew, too", ""),
        ("abort-on-container-exit", "", "bool", "Stop all when one ends", ""),
        ("abort-on-container-failure", "", "bool", "Stop all when one ends with a failure", ""),
        ("exit-code-from", "", "text:SERVICE", "End with the exit code of this service; stops all", ""),
        ("attach", "", "list:SERVICE", "Show the output of these only", ""),
        ("no-attach", "", "list:SERVICE", "Do not show the output of these", ""),
        ("attach-dependencies", "", "bool", "Show the output of what the services depend on, too", ""),
        ("timestamps", "", "bool", "Show when each line was written", ""),
        ("no-log-prefix", "", "bool", "Logs without the container's name before each line", ""),
        ("no-color", "", "bool", "Accepted: NO_COLOR is asked", ""),
        ("menu", "", "bool", "Accepted: there is no menu", ""),
        ("watch", "w", "bool", "Bring changes of files into the containers, as develop.watch says", ""),
        *CREATE_FLAGS,
    ),
    details="Without -d it shows what the containers write; ctrl-C stops them.",
)
