#!/bin/sh
# Install, upgrade or remove wherry.
#
#     sh get-wherry.sh                  for the whole machine as root, else for this user alone
#     sh get-wherry.sh                  again: upgrade; containers go on running
#     sh get-wherry.sh --uninstall      remove the program; --purge: images, containers and volumes too
#     sh get-wherry.sh --help           all options
#
# Needs Python 3.11. Each version is an environment of its own in PREFIX/lib/wherry/versions, and one symbolic
# link, replaced at once, says which of them counts: whatever interrupts this script leaves the old version or
# the new one. Nothing is downloaded but Python packages, by pip.
# shellcheck disable=SC2015,SC2062  # `a && b || c` is meant so; what follows `-f -` are files
set -eu
umask 022

usage() {
    cat <<'END'
Usage:  get-wherry.sh [OPTIONS]

  --system            For the whole machine, below /usr/local (the default as root)
  --user              For this user, below ~/.local (the default for anyone else)
  --prefix DIR        Below another directory
  --version VERSION   That version instead of the newest
  --from PATH         A wheel, an archive or a checkout instead of the package index
  --mirror URL        Ask there first: for images where it is a registry, for packages where it is an index
  --index-url URL     The package index (as pip's)
  --no-service        No systemd units
  --no-completion     No shell completion
  --dependencies      Let the distribution's package manager install what is missing (as root)
  --uninstall         Remove the program; images, containers and volumes stay
  --purge             With --uninstall: remove them too
  --help              This page
END
}

say() { printf '%s\n' "$*"; }
warn() { printf 'get-wherry: %s\n' "$*" >&2; }
fail() {
    warn "$1"
    [ -z "${2-}" ] || printf '%s\n' "$2" >&2
    exit 1
}

# --- what is asked for

scope='' prefix='' version='' from='' mirror='' index='' action=install
service=yes completion=yes dependencies=no purge=no
value() { [ $# -ge 2 ] || fail "$1 needs a value"; }
while [ $# -gt 0 ]; do
    case $1 in
    --*=*)
        option=$1
        shift
        set -- "${option%%=*}" "${option#*=}" "$@"
        continue
        ;;
    --system | --user) scope=${1#--} ;;
    --prefix) value "$@"; prefix=$2; shift ;;
    --version) value "$@"; version=$2; shift ;;
    --from) value "$@"; from=$2; shift ;;
    --mirror) value "$@"; mirror=$2; shift ;;
    --index-url) value "$@"; index=$2; shift ;;
    --no-service) service=no ;;
    --no-completion) completion=no ;;
    --dependencies) dependencies=yes ;;
    --uninstall) action=uninstall ;;
    --purge) purge=yes ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown option: $1" ;;
    esac
    shift
done
[ "$purge" = no ] || [ $action = uninstall ] || fail "--purge goes with --uninstall"
[ -z "$version" ] || [ -z "$from" ] || fail "--version and --from exclude each other"

user_id=$(id -u)
[ -n "$scope" ] || { [ "$user_id" = 0 ] && scope=system || scope=user; }
if [ -z "$prefix" ]; then
    if [ "$scope" = system ]; then
        [ "$user_id" = 0 ] || fail "only root can install for the whole machine" "use sudo, or leave --system out"
        prefix=/usr/local
    else
        [ -n "${HOME-}" ] || fail "HOME is not set"
        prefix=$HOME/.local
    fi
fi
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
case $from in
'' | /* | *://*) ;;
*) from=$PWD/$from ;;
esac
[ -z "$from" ] || [ -e "$from" ] || case $from in *://*) ;; *) fail "$from: there is no such file" ;; esac
# Run from a checkout, it installs that checkout.
case $0 in
*/get-wherry.sh | get-wherry.sh)
    here=$(cd "$(dirname "$0")" && pwd)
    if [ -z "$from$version$index$mirror" ] && [ -f "$here/src/wherry/__init__.py" ]; then from=$here; fi
    ;;
esac

lib=$prefix/lib/wherry
current=$lib/current
command=$prefix/bin/wherry
bash_file=$prefix/share/bash-completion/completions/wherry
zsh_file=$prefix/share/zsh/site-functions/_wherry
fish_file=$prefix/share/fish/vendor_completions.d/wherry.fish
[ "$scope" = system ] || fish_file=${XDG_CONFIG_HOME:-${HOME-}/.config}/fish/completions/wherry.fish

# --- what the machine has

distribution() (
    ID='' ID_LIKE=''
    # shellcheck disable=SC1091  # the distribution's own
    [ ! -r /etc/os-release ] || . /etc/os-release
    for name in $ID $ID_LIKE; do
        case $name in
        debian | ubuntu) echo debian; return ;;
        fedora | rhel | centos) echo fedora; return ;;
        arch) echo arch; return ;;
        alpine) echo alpine; return ;;
        suse | opensuse*) echo suse; return ;;
        esac
    done
    [ "$(uname -s)" = Darwin ] && echo macos || echo other
)

# The command that installs what wherry wants of the distribution: Python, and for ordinary users what maps ids and
# carries their traffic.
packages_command() {
    case $(distribution) in
    debian) echo 'apt-get install -y python3 python3-venv uidmap passt' ;;
    fedora) echo 'dnf install -y python3 python3-pip shadow-utils passt' ;;
    arch) echo 'pacman -S --noconfirm --needed python shadow passt' ;;
    alpine) echo 'apk add python3 py3-pip shadow-uidmap passt' ;;
    suse) echo 'zypper --non-interactive install python311 python311-pip shadow passt' ;;
    macos) echo 'brew install python' ;;
    *) echo 'install Python 3.11 or newer with venv and pip' ;;
    esac
}

install_dependencies() {
    [ "$user_id" = 0 ] || fail "only root can install packages" "  sudo $(packages_command)"
    case $(distribution) in
    other) fail "unknown distribution: $(packages_command)" ;;
    debian) apt-get -qq update && DEBIAN_FRONTEND=noninteractive sh -c "$(packages_command)" ;;
    *) sh -c "$(packages_command)" ;;
    esac >&2 || fail "the package manager failed"
}

# The machine's own interpreter first: every user can run it, and it stays when root's home goes.
find_python() {
    for candidate in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; assert sys.version_info >= (3, 11); import venv, ctypes, sqlite3, ssl, zlib' \
            2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

need_python() {
    python=$(find_python) && return
    have=$(python3 -V 2>/dev/null) || have='no Python 3'
    fail "wherry needs Python 3.11 or newer with its standard library (venv, ctypes, sqlite3, ssl); here is $have" "  $(sudo_word)$(packages_command)
or let this script do it: --dependencies"
}

sudo_word() { [ "$user_id" = 0 ] || [ "$(uname -s)" = Darwin ] || printf 'sudo '; }

# --- the environment of one version

# Debian and Ubuntu keep pip out of venv unless python3-venv is installed, and installing needs root. But anyone may
# download the package that holds pip's wheel; apt gets directories of its own for that, and its lists if need be.
pip_from_apt() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    mkdir -p "$new/apt/lists/partial" "$new/apt/cache/archives/partial"
    (
        cd "$new/apt"
        apt-get -qq download python3-pip-whl || {
            set -- -o "Dir::State::Lists=$new/apt/lists" -o "Dir::Cache=$new/apt/cache" -o Debug::NoLocking=1
            apt-get -qq "$@" update && apt-get -qq "$@" download python3-pip-whl
        } && dpkg-deb -x python3-pip-whl_*.deb .
    ) >>"$log" 2>&1 || return 1
    set -- "$new"/apt/usr/share/python-wheels/pip-*.whl
    pip_wheel=$1
}

# An index serves pip's wheel too, and a wheel of pip runs without being installed.
pip_from_index() {
    [ -n "$index" ] || return 1
    "$python" - "$index" "$new" >>"$log" 2>&1 <<'END' || return 1
import hashlib, html.parser, re, sys, urllib.parse, urllib.request

index, folder = sys.argv[1:]
page = index.rstrip("/") + "/pip/"
found = []


class Links(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        link = urllib.parse.urljoin(page, dict(attributes).get("href") or "")
        name = re.fullmatch(r"pip-(\d+(?:\.\d+)*)-py3-none-any\.whl", urllib.parse.urlsplit(link).path.rpartition("/")[2])
        if tag == "a" and name:
            found.append(([int(part) for part in name[1].split(".")], link))


Links().feed(urllib.request.urlopen(page, timeout=60).read().decode())
link, _, digest = max(found)[1].partition("#sha256=")
wheel = urllib.request.urlopen(link, timeout=60).read()
if digest and hashlib.sha256(wheel).hexdigest() != digest:
    sys.exit("pip's wheel is not what the index says")
with open(folder + "/pip.whl", "wb") as file:
    file.write(wheel)
END
    pip_wheel=$new/pip.whl
}

# The wheel of pip that comes with the interpreter runs without being installed, which would take some seconds.
bundled_pip() {
    "$python" -c 'import ensurepip, glob, os
places = [getattr(ensurepip, "_WHEEL_PKG_DIR", None), os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")]
found = [wheel for place in places if place for wheel in glob.glob(os.path.join(place, "pip-*.whl"))]
print(max(found))' 2>/dev/null
}

make_environment() {
    "$python" -m venv --without-pip "$new" >>"$log" 2>&1 || fail_with_log "making the environment $new failed"
    pip_wheel=$(bundled_pip) && return
    pip_wheel=''
    "$python" -m pip --python "$new/bin/python" --quiet install ${index:+--index-url "$index"} pip >>"$log" 2>&1 ||
        pip_from_index || pip_from_apt ||
        fail_with_log "pip could not be had; install it and try again:" "  $(sudo_word)$(packages_command)"
}

fail_with_log() {
    tail -n 15 "$log" >&2 2>/dev/null || true
    fail "$@"
}

fill_environment() {
    set -- --disable-pip-version-check --no-input --quiet install --prefer-binary
    [ -z "$index" ] || set -- "$@" --index-url "$index"
    if [ -n "$from" ]; then set -- "$@" "$from"; else set -- "$@" "wherry${version:+==$version}"; fi
    PYTHONPATH=$pip_wheel "$new/bin/python" -m pip "$@" >>"$log" 2>&1 || fail_with_log "installing ${from:-wherry${version:+ $version}} failed"
    rm -rf "$new/apt" "$new/pip.whl"
    # pip's start script costs 10 ms more at every command than this one does.
    "$new/bin/python" -m wherry.cli.launcher "$new/bin/wherry"
    "$new/bin/wherry" --version >/dev/null || fail "the new version does not start; the old one stays"
    [ "$(uname -s)" != Linux ] || "$new/bin/python" -c 'import wherry.api.server, wherry.engine.daemon' 2>>"$log" ||
        fail_with_log "the new version's engine does not load; the old one stays"
}

# Replace a symbolic link at once.
point() { "$python" -c 'import os, sys
os.symlink(sys.argv[2], sys.argv[1] + ".new")
os.replace(sys.argv[1] + ".new", sys.argv[1])' "$1" "$2"; }

# Whether a process works with the files of a version: the supervisor of containers that run, engines of other users.
# The pattern comes through standard input, since grep would find its own command line.
in_use() { printf '%s/' "$1" | grep -qsF -f - /proc/[0-9]*/cmdline; }

remove_unused_versions() {
    kept=$(readlink "$current" 2>/dev/null || true)
    for old in "$lib"/versions/*; do
        [ -d "$old" ] && [ "$old" != "$lib/$kept" ] || continue
        [ ! -e "$old/complete" ] || ! in_use "$old" || continue
        rm -rf "$old"
    done
}

# One at a time; the lock ends with the process, however that ends.
lock() {
    mkdir -p "$lib/versions"
    exec 9>"$lib/lock"
    "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)' 2>/dev/null ||
        fail "another get-wherry.sh is at work on $lib"
}

# --- mirrors

# What a mirror serves: `images` where a registry answers, `packages URL` where a package index does.
ask_mirror() {
    "$python" - "$1" <<'END'
import sys, urllib.error, urllib.request


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=15).status == 200
    except urllib.error.HTTPError as error:
        return error.code == 401 and url.endswith("/v2/")
    except OSError:
        return False


base = sys.argv[1].rstrip("/")
if answers(base + "/v2/"):
    print("images")
for index in (base, base + "/simple"):
    if answers(index + "/wherry/") or answers(index + "/pip/"):
        print("packages", index)
        break
END
}

# Put a mirror first in registries.toml, which keeps all else that it says.
write_mirror() {
    settings=/etc/wherry
    [ "$scope" = system ] || settings=${XDG_CONFIG_HOME:-$HOME/.config}/wherry
    mkdir -p "$settings"
    "$python" - "$settings/registries.toml" "$1" <<'END' || fail "$settings/registries.toml could not be changed: add \"$1\" to its mirrors"
import json, os, re, sys, tomllib

path, url = sys.argv[1:]
text = ""
if os.path.exists(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
before = tomllib.loads(text)
mirrors = before.get("mirrors", [])
if mirrors[:1] != [url]:
    others = [mirror for mirror in mirrors if mirror != url]
    line = "mirrors = " + json.dumps([url, *others]) + "\n"
    if "mirrors" in before:
        text = re.sub(r"(?ms)^mirrors\s*=\s*\[.*?\][ \t]*(#[^\n]*)?\n?", lambda _: line, text, count=1)
    else:
        text = line + text
    if tomllib.loads(text) != {**before, "mirrors": [url, *others]}:
        sys.exit(1)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)
print("images: " + url + " is asked first (" + path + ")")
END
}

use_mirror() {
    case $mirror in *://*) ;; *) mirror=https://$mirror ;; esac
    served=$(ask_mirror "$mirror")
    [ -n "$served" ] || fail "$mirror answers neither as a registry nor as a package index"
    case $served in *packages*) [ -n "$index" ] || index=${served##*packages } ;; esac
}

# --- around it

write_completion() {
    for shell in bash zsh fish; do
        eval "file=\$${shell}_file"
        # shellcheck disable=SC2154  # set by eval
        mkdir -p "$(dirname "$file")" && "$current/bin/wherry" completion $shell >"$file.new" && mv "$file.new" "$file" ||
            warn "no completion for $shell: $file can't be written"
    done
}

# A service where systemd is; in an image that is being made only its files.
install_service() {
    if [ -d /run/systemd/system ]; then
        if [ "$scope" = user ] && [ ! -e "${XDG_RUNTIME_DIR:-/-}/systemd/private" ]; then
            say "no service: this user's systemd is not running here (later: wherry engine install)"
            return
        fi
        "$current/bin/wherry" engine install --"$scope" >/dev/null 9>&- || warn "no service was installed"
    elif [ "$scope" = system ] && [ -d /etc/systemd/system ]; then
        "$current/bin/wherry" engine install --system --no-start >/dev/null || warn "no service was installed"
    fi
}

# The engine that runs is one of the old version: the new one takes its place, containers go on.
replace_engine() {
    "$current/bin/wherry" engine status >/dev/null 2>&1 9>&- || return 0
    "$current/bin/wherry" engine stop >/dev/null 2>&1 9>&- && "$current/bin/wherry" engine start >/dev/null 9>&- ||
        warn "the engine was not replaced; wherry engine stop does it, containers go on running"
}

closing_words() {
    say "$("$command" --version) is installed: $command"
    case :$PATH: in
    *:"$prefix/bin":*) ;;
    *) say "put it on your PATH:  export PATH=\"$prefix/bin:\$PATH\"   (in ~/.profile for the next login)" ;;
    esac
    case ${SHELL-} in
    */zsh) [ "$scope" = system ] || say "for completion in zsh:  fpath=($prefix/share/zsh/site-functions \$fpath)   (in ~/.zshrc, before compinit)" ;;
    esac
    if [ "$(uname -s)" = Linux ]; then
        "$command" doctor >/dev/null 2>&1 9>&- || say "this machine lacks something: wherry doctor says what"
        say "try:  wherry run hello"
    else
        say "containers need a Linux machine: wherry -H ssh://USER@HOST ps   (docs/macos.md, docs/windows.md)"
    fi
}

install() {
    [ $dependencies = no ] || install_dependencies
    need_python
    [ -z "$mirror" ] || use_mirror
    mkdir -p "$prefix/bin" "$lib" 2>/dev/null || fail "$prefix can't be written"
    if [ -e "$command" ] && [ ! -L "$command" ]; then
        fail "$command is there already, and not from here" "remove it, or give --prefix"
    fi
    lock
    remove_unused_versions
    if [ -n "$version" ] && [ "$("$current/bin/wherry" --version 2>/dev/null || true)" = "wherry version $version" ]; then
        say "wherry $version is here already"
    else
        new=$lib/versions/$(date +%Y%m%d-%H%M%S)-$$
        log=$lib/install.log
        mkdir "$new"
        trap '[ -e "$new/complete" ] || rm -rf "$new"' EXIT
        trap 'exit 130' HUP INT TERM
        : >"$log"
        say "installing ${from:-wherry${version:+ $version}} into $prefix ..."
        make_environment
        fill_environment
        : >"$new/complete"
        point "$current" "versions/${new##*/}"
    fi
    point "$command" ../lib/wherry/current/bin/wherry
    case ${served-} in *images*) write_mirror "$mirror" ;; esac
    [ $completion = no ] || write_completion
    replace_engine
    [ $service = no ] || install_service
    remove_unused_versions
    closing_words
}

uninstall() {
    [ -e "$current/bin/wherry" ] || fail "there is no wherry in $prefix" "--system, --user and --prefix say where to look"
    python=$(find_python) || fail "there is no Python here any more: remove $lib and $command by hand"
    lock
    wherry=$current/bin/wherry
    # First, so that systemd starts no engine for what is asked below.
    "$wherry" engine uninstall --"$scope" >/dev/null 2>&1 || true
    if [ $purge = yes ]; then
        "$wherry" system reset --force 9>&- || fail "not everything could be removed; the program stays"
    else
        # Without the program nobody would look after them.
        running=$("$wherry" ps --quiet 2>/dev/null 9>&- || true)
        # shellcheck disable=SC2086  # one word a container
        [ -z "$running" ] || { say "stopping $(echo $running | wc -w) containers ..."; "$wherry" stop $running >/dev/null 9>&-; }
    fi
    "$wherry" engine stop >/dev/null 2>&1 || true
    tries=0
    while in_use "$lib/versions"; do
        [ $tries -lt 10 ] || fail "somebody's engine or containers still run from $lib; the program stays" \
            "$(printf '%s/' "$lib/versions" | grep -lsF -f - /proc/[0-9]*/cmdline | sed 's#/proc/\([0-9]*\)/.*#  process \1#')"
        tries=$((tries + 1))
        sleep 1
    done
    # The command first: what is left after an interruption is not half a program.
    rm -f "$command" "$current"
    rm -f "$bash_file" "$zsh_file" "$fish_file"
    rm -rf "$lib"
    say "wherry is removed from $prefix"
    [ $purge = yes ] || say "images, containers and volumes stay in $([ "$scope" = system ] && echo /var/lib/wherry || echo "${XDG_DATA_HOME:-$HOME/.local/share}/wherry")"
}

$action
