"""`wherry completion`: what makes a shell complete wherry's commands, flags and names."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.errors import Invalid

_BASH = r"""
_wherry() {
    local IFS=$'\n' current="${COMP_WORDS[COMP_CWORD]}"
    local -a words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    [[ ${current} == "=" ]] && current=""
    COMPREPLY=($(wherry __complete -- "${words[@]}" 2>/dev/null | cut -f1))
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        compopt -o default 2>/dev/null
    elif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _wherry wherry
"""
_ZSH = r"""
#compdef wherry
_wherry() {
    local -a found
    local line word what
    while IFS= read -r line; do
        word=${line%%$'\t'*} what=${line#*$'\t'}
        [[ $line == *$'\t'* ]] || what=""
        found+=("${word//:/\\:}${what:+:$what}")
    done < <(wherry __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#found} )); then
        _describe -V wherry found
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_wherry" ]; then _wherry "$@"; else compdef _wherry wherry; fi
"""
_FISH = r"""
function __wherry_complete
    set -l words (commandline -opc) (commandline -ct)
    wherry __complete -- $words[2..-1] 2>/dev/null
end
complete -c wherry -f -n 'test -n "$(__wherry_complete)"' -a '(__wherry_complete)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def run(invocation: Invocation) -> int:
    shell = invocation.arguments[0]
    if shell not in _SCRIPTS:
        raise Invalid(f"no completion for {shell!r}", hint="there is one for bash, zsh and fish")
    print(_SCRIPTS[shell].strip())
    return 0


COMMAND = Command(
    run,
    usage="SHELL",
    minimum=1,
    maximum=1,
    details="""\
Put it where the shell finds it:
  bash  wherry completion bash > ~/.local/share/bash-completion/completions/wherry
  zsh   wherry completion zsh > "${fpath[1]}/_wherry"
  fish  wherry completion fish > ~/.config/fish/completions/wherry.fish""",
    examples=(("completion bash", "e.g. source <(wherry completion bash), for this shell only"),),
)
