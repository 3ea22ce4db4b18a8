"""Go templates. The expectations were checked against Docker's own command line."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.cli.template import parse_template
from wherry.errors import Invalid

VALUE: dict[str, Any] = {
    "Name": "/web",
    "Id": "abc",
    "Labels": {"b": "2", "a": "1"},
    "Args": ["x", "y", "z"],
    "State": {"Running": True, "ExitCode": 0, "Pid": 42},
    "Nothing": None,
    "Empty": [],
    "Ratio": 1.5,
    "Html": "<a>&",
    "Label": lambda name: {"a": "1"}.get(name, ""),
    "Lazy": lambda: "worked out",
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{.Name}} {{.State.Pid}}", "/web 42"),
        ("{{.ID}}", "abc"),
        ("{{json .Labels}}", '{"b":"2","a":"1"}'),
        ("{{json .Html}}", '"\\u003ca\\u003e\\u0026"'),
        ("{{.Labels}} {{.Args}} {{.State.Running}} {{.Ratio}}", "map[a:1 b:2] [x y z] true 1.5"),
        ("{{.Nothing}}", "<no value>"),
        ("{{range .Args}}[{{.}}]{{end}}", "[x][y][z]"),
        ("{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=1;b=2;"),
        ("{{range $i, $v := .Args}}{{$i}}{{$v}}{{end}}", "0x1y2z"),
        ("{{range .Empty}}x{{else}}none{{end}}", "none"),
        ("{{range .Args}}{{if eq . \"y\"}}{{break}}{{end}}{{.}}{{end}}", "x"),
        ("{{range .Args}}{{if eq . \"y\"}}{{continue}}{{end}}{{.}}{{end}}", "xz"),
        ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
        ("{{if .Nothing}}a{{else if .Empty}}b{{else}}c{{end}}", "c"),
        ("{{if and .Name (not .Empty)}}yes{{end}}", "yes"),
        ("{{or .Nothing \"default\"}}", "default"),
        ("{{with .State}}{{.Pid}}{{end}}", "42"),
        ("{{with .Nothing}}x{{else}}y{{end}}", "y"),
        ("{{with $x := .Name}}{{$x}}{{$.Id}}{{end}}", "/webabc"),
        ("{{$n := 0}}{{range .Args}}{{$n = len .}}{{end}}{{$n}}", "1"),
        ("{{.Name | upper | printf \"%s!\"}}", "/WEB!"),
        ("{{lower \"ABC\"}} {{title \"the web\"}} {{upper \"x\"}}", "abc The Web X"),
        ("{{join .Args \",\"}} {{len .Args}} {{index .Args 1}} {{index .Labels \"a\"}}", "x,y,z 3 y 1"),
        ("{{split \"a:b\" \":\"}} {{truncate .Name 2}} [{{pad \"x\" 1 2}}]", "[a b] /w [ x  ]"),
        ("{{slice .Name 1}} {{slice .Name 1 3}}", "web we"),
        ("{{printf \"%-6s|%4d|%q|%5.2f|%x|%t|%v|%%\" .Name 7 \"a\\nb\" 1.5 255 true .Args}}",
         '/web  |   7|"a\\nb"| 1.50|ff|true|[x y z]|%'),
        ("{{println .Name 1}}", "/web 1\n"),
        ("{{eq 1 2 1}} {{ne \"a\" \"b\"}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}}",
         "true true true true false true"),
        ("a {{- 1 -}} b", "a1b"),
        ("{{/* a comment */}}x{{- /* another */ -}} y", "xy"),
        ("{{`raw {{ text`}} {{\"quoted }} \\\"text\\\"\"}}", 'raw {{ text quoted }} "text"'),
        ("{{.Label \"a\"}}{{.Lazy}}", "1worked out"),
        ("{{(index .Args 0)}} {{((.State)).Pid}}", "x 42"),
        ("{{html .Html}} {{urlquery \"a b\"}}", "&lt;a&gt;&amp; a+b"),
        ("{{print 1 2 \"x\" 3}}", "1 2x3"),
        ("{{true}} {{'a'}} {{0x1F}}", "true 97 31"),
    ],
)  # fmt: skip
def test_rendered(template: str, text: str) -> None:
    assert parse_template(template).render(VALUE) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Name", "unclosed action"),
        ("{{if .Name}}x", "unexpected EOF"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{foo .Name}}", 'function "foo" not defined'),
        ("{{}}", "missing value for command"),
        ("{{.Name | }}", "missing value for command"),
        ("{{$x}}", 'undefined variable "$x"'),
        ("{{break}}", "{{break}} outside {{range}}"),
        ("{{(.Name}}", "unclosed left paren"),
        ('{{"abc}}', "unterminated quoted string"),
        ('{{define "x"}}{{end}}', "not understood"),
    ],
)
def test_no_template(template: str, message: str) -> None:
    with pytest.raises(Invalid) as error:
        parse_template(template)
    assert error.value.message.startswith("template parsing error: template: :1: ")
    assert message in error.value.message


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Foo}}", 'map has no entry for key "Foo"'),
        ("{{.Name.Foo}}", "can't evaluate field Foo"),
        ("{{.Nothing.Foo}}", "nil pointer evaluating Foo"),
        ("{{index .Args 9}}", "index out of range"),
        ("{{len 5}}", "error calling len"),
        ('{{lt 1 "a"}}', "incompatible types for comparison"),
        ("{{range .Ratio}}{{end}}", "range can't iterate over"),
        ("{{.Name 1}}", "cannot be invoked as function"),
    ],
)
def test_does_not_fit_the_value(template: str, message: str) -> None:
    with pytest.raises(Invalid) as error:
        parse_template(template).render(VALUE)
    assert message in error.value.message


def test_optional_members_are_nil() -> None:
    template = parse_template("{{if .Health}}{{.Health.Status}}{{else}}none{{end}}")
    assert template.render({}, optional=frozenset(["Health"])) == "none"
    assert template.render({"Health": {"Status": "ok"}}) == "ok"
