"""Every command: where its module is, and what it does in a line.

Help, completion and dispatch read this table.

A module is named below `wherry.cli`; commands in groups are written `group name`.
"""

from __future__ import annotations

COMMANDS = {
    "run": ("container.run", "Make a container from an image and run a command in it"),
    "exec": ("container.exec", "Run a command in a container that is running"),
    "ps": ("container.ps", "List containers"),
    "logs": ("container.logs", "Show what a container has written"),
    "stop": ("container.stop", "Stop containers, gently first"),
    "rm": ("container.rm", "Remove containers"),
    "images": ("image.images", "List images"),
    "create": ("container.create", "Make a container without starting it"),
    "start": ("container.start", "Start containers that were made or have stopped"),
    "restart": ("container.restart", "Stop containers and start them again"),
    "kill": ("container.kill", "Send a signal to containers, SIGKILL unless told otherwise"),
    "pause": ("container.pause", "Freeze all processes of containers"),
    "unpause": ("container.unpause", "Let frozen containers go on"),
    "attach": ("container.attach", "Join a running container's input and output"),
    "wait": ("container.wait", "Wait for containers to stop, then print their exit codes"),
    "top": ("container.top", "Show the processes of a container"),
    "stats": ("container.stats", "Watch what containers use: CPU, memory, network, disk"),
    "cp": ("container.cp", "Copy files into and out of containers"),
    "diff": ("container.diff", "Show what a container has changed in its file system"),
    "port": ("container.port", "Show the published ports of a container"),
    "inspect": ("system.inspect", "Show everything that is known of containers, images, volumes, networks"),
    "rename": ("container.rename", "Give a container another name"),
    "update": ("container.update", "Change the limits of containers"),
    "commit": ("container.commit", "Make an image from a container's changes"),
    "export": ("container.export", "Write a container's file system as a tar archive"),
    "import": ("image.import_", "Make an image from a tar archive of a file system"),
    "load": ("image.load", "Load images from an archive"),
    "save": ("image.save", "Write images to an archive"),
    "pull": ("image.pull", "Download an image from a registry"),
    "tag": ("image.tag", "Give an image another name"),
    "rmi": ("image.rmi", "Remove images"),
    "history": ("image.history", "Show the layers of an image and what made them"),
    "build": ("build.build", "Build an image from a Dockerfile"),
    "push": ("image.push", "Upload an image to a registry"),
    "login": ("image.login", "Log in to a registry"),
    "logout": ("image.logout", "Log out of a registry"),
    "search": ("image.search", "Search a registry"),
    "compose": ("compose.entry", "Run applications of several containers"),
    "doctor": ("system.doctor", "Find what this machine lacks, with the command that mends it"),
    "events": ("system.events", "Watch what happens to containers, images, volumes, networks"),
    "info": ("system.info", "Show what the engine and this machine have"),
    "version": ("system.version", "Show the versions of the command line and the engine"),
    "completion": ("system.completion", "Print shell completion for bash, zsh or fish"),
    "__complete": ("complete", "Answer a shell that completes a command line"),
    "builder du": ("build.usage", "Show what the cache of builds holds"),
    "builder prune": ("build.prune", "Remove what the cache of builds holds"),
    "container confinement": ("container.confinement", "Show how a container is shut in, in plain words"),
    "container inspect": ("container.inspect", "Show everything that is known of containers"),
    "container prune": ("container.prune", "Remove all containers that are not running"),
    "image inspect": ("image.inspect", "Show everything that is known of images"),
    "image explain": ("image.explain", "Show where an image's bytes are, and which of them nobody sees"),
    "image squash": ("image.squash", "Make an image of the same files in one layer"),
    "image diff": ("image.diff", "Show what differs between two images"),
    "manifest annotate": ("manifest.annotate", "Say for which platform an image of a manifest list is"),
    "manifest create": ("manifest.create", "Begin a manifest list of images in a registry"),
    "manifest inspect": ("manifest.inspect", "Show a manifest or manifest list in its registry"),
    "manifest push": ("manifest.push", "Upload a manifest list"),
    "manifest rm": ("manifest.rm", "Forget manifest lists that were begun here"),
    "image prune": ("image.prune", "Remove images that nothing uses"),
    "volume create": ("volume.create", "Make a volume"),
    "volume inspect": ("volume.inspect", "Show everything that is known of volumes"),
    "volume ls": ("volume.ls", "List volumes"),
    "volume prune": ("volume.prune", "Remove volumes that no container uses"),
    "volume rm": ("volume.rm", "Remove volumes"),
    "network connect": ("network.connect", "Connect a container to a network"),
    "network create": ("network.create", "Make a network"),
    "network disconnect": ("network.disconnect", "Take a container off a network"),
    "network inspect": ("network.inspect", "Show everything that is known of networks"),
    "network ls": ("network.ls", "List networks"),
    "network prune": ("network.prune", "Remove networks that no container uses"),
    "network rm": ("network.rm", "Remove networks"),
    "system df": ("system.df", "Show what disk space goes into"),
    "system reset": ("system.reset", "Remove everything, as if wherry had never been used here"),
    "system prune": ("system.prune", "Remove everything that is not in use"),
    "system dial-stdio": ("system.dial_stdio", "Join standard input and output to the engine"),
    "registry serve": ("registry.serve", "Be a registry for this machine, or for a team"),
    "registry gc": ("registry.gc", "Free the space of a registry that nothing needs"),
    "registry retain": ("registry.retain", "Delete a registry's tags by the rules of its configuration"),
    "registry check": ("registry.check", "Read everything a registry holds, and tell what is damaged"),
    "registry passwd": ("registry.passwd", "Make an account of a registry, or change its password"),
    "compose attach": ("compose.attach", "Join the input and output of a service's container"),
    "compose build": ("compose.build", "Build the images of services"),
    "compose commit": ("compose.commit", "Make an image from a service's container"),
    "compose config": ("compose.config", "Show the files as they are understood, in one"),
    "compose cp": ("compose.cp", "Copy files into and out of a service's container"),
    "compose create": ("compose.create", "Make containers without starting them"),
    "compose down": ("compose.down", "Remove containers and networks"),
    "compose events": ("compose.events", "Watch what happens to the containers"),
    "compose exec": ("compose.exec", "Run a command in a container of a service"),
    "compose export": ("compose.export", "Write a container's file system as a tar archive"),
    "compose images": ("compose.images", "List the images of the containers"),
    "compose kill": ("compose.kill", "Send a signal to containers"),
    "compose logs": ("compose.logs", "Show what the containers have written"),
    "compose ls": ("compose.ls", "List the projects that have containers"),
    "compose pause": ("compose.pause", "Freeze containers"),
    "compose port": ("compose.port", "Show where a port of a service is reachable"),
    "compose ps": ("compose.ps", "List the containers"),
    "compose pull": ("compose.pull", "Download the images of services"),
    "compose push": ("compose.push", "Upload the images of services that are built"),
    "compose restart": ("compose.restart", "Stop containers and start them again"),
    "compose rm": ("compose.rm", "Remove containers that have stopped"),
    "compose run": ("compose.run", "Run one command in a container of its own"),
    "compose scale": ("compose.scale", "Have as many containers of a service as are asked for"),
    "compose start": ("compose.start", "Start containers that are there"),
    "compose stats": ("compose.stats", "Watch what the containers use"),
    "compose stop": ("compose.stop", "Stop containers"),
    "compose top": ("compose.top", "Show the processes of the containers"),
    "compose unpause": ("compose.unpause", "Let frozen containers go on"),
    "compose up": ("compose.up", "Make and start everything; change only what changed"),
    "compose version": ("compose.version", "Show the version"),
    "compose volumes": ("compose.volumes", "List the volumes"),
    "compose wait": ("compose.wait", "Wait until a service has ended"),
    "compose watch": ("compose.watch", "Bring changes of files into the containers"),
    "context create": ("context.create", "Give an engine a name"),
    "context export": ("context.export", "Write a context with its certificates into a file"),
    "context import": ("context.import_", "Take a context from a file"),
    "context inspect": ("context.inspect", "Show everything that is known of contexts"),
    "context ls": ("context.ls", "List the engines that have a name"),
    "context rm": ("context.rm", "Forget contexts"),
    "context show": ("context.show", "Print the name of the context in use"),
    "context update": ("context.update", "Change what a context says"),
    "context use": ("context.use", "Choose the engine that commands go to"),
    "stack deploy": ("stack.deploy", "Bring a stack to the state that its compose files describe"),
    "stack ls": ("stack.ls", "List stacks"),
    "stack ps": ("stack.ps", "List the containers of a stack"),
    "stack rm": ("stack.rm", "Remove the containers and networks of stacks"),
    "stack services": ("stack.services", "List the services of a stack"),
    "engine start": ("engine.start", "Start this user's engine, if it is not there"),
    "engine serve": ("engine.serve", "Be the engine, in the foreground, on TCP too if wanted"),
    "engine install": ("engine.install", "Make the engine a service of systemd's"),
    "engine uninstall": ("engine.uninstall", "Take the service away again; containers stay"),
    "engine status": ("engine.status", "Show whether the engine is there, and what it holds"),
    "engine stop": ("engine.stop", "End the engine; containers go on running"),
    "engine socket": ("engine.socket", "Print the path of the engine's API socket, starting it if need be"),
}

GROUPS = {
    "builder": "The cache of builds",
    "container": "Everything about containers",
    "image": "Everything about images",
    "manifest": "Images of several platforms under one name",
    "volume": "Data that outlives containers",
    "network": "Networks between containers",
    "context": "Engines that have a name, and which of them is in use",
    "system": "The engine as a whole, disk space, events",
    "stack": "Compose files as `docker stack` runs them, on this machine",
    "registry": "A registry of your own",
    "engine": "The process that looks after your containers",
}

# The top-level commands that are members of a group under the same name.
MEMBERS = {
    "builder": ["build"],
    "container": [
        *("attach", "commit", "cp", "create", "diff", "exec", "export", "kill", "logs", "pause", "port"),
        *("rename", "restart", "rm", "run", "start", "stats", "stop", "top", "unpause", "update", "wait"),
    ],
    "image": ["build", "history", "import", "load", "pull", "push", "save", "tag"],
    "system": ["events", "info"],
}

# Other names. A group's own `ls`, `rm`, … where the top-level command has another word for it.
ALIASES = {
    "container ls": "ps",
    "container list": "ps",
    "container ps": "ps",
    "container remove": "rm",
    "image ls": "images",
    "image list": "images",
    "image rm": "rmi",
    "image remove": "rmi",
    "stack down": "stack rm",
    "stack list": "stack ls",
    "stack remove": "stack rm",
    "stack up": "stack deploy",
    "volume list": "volume ls",
    "volume remove": "volume rm",
    "context list": "context ls",
    "context remove": "context rm",
    "network list": "network ls",
    "network remove": "network rm",
}

HIDDEN = frozenset(("system dial-stdio", "__complete"))


def resolve(words: list[str]) -> tuple[str, str, list[str]]:
    """The table's name of the command that `words` call, the name as typed, and the words left for it.

    A group on its own, or with an unknown word, resolves to nothing: ("", group, rest).
    """
    first = words[0]
    if first not in GROUPS:
        return (first if first in COMMANDS else ""), first, words[1:]
    if len(words) > 1:
        typed = f"{first} {words[1]}"
        if typed in COMMANDS:
            return typed, typed, words[2:]
        if typed in ALIASES:
            return ALIASES[typed], typed, words[2:]
        if words[1] in MEMBERS.get(first, ()):
            return words[1], typed, words[2:]
    return "", first, words[1:]


def group_commands(group: str) -> dict[str, str]:
    """The commands of a group, in alphabetical order, each with the table's name of it."""
    found = {name.partition(" ")[2]: name for name in COMMANDS if name.startswith(group + " ")}
    found.update({name: name for name in MEMBERS.get(group, ())})
    for typed, name in ALIASES.items():
        if typed.startswith(group + " ") and typed.split()[1] in ("ls", "rm"):
            found[typed.split()[1]] = name
    return {name: found[name] for name in sorted(found) if found[name] not in HIDDEN}
