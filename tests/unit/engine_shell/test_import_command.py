"""What `pulumi import` refuses before it looks at a stack."""

import json

import pytest


def test_generated_code_is_refused_by_name_before_anything_happens(shell):
    shell.run("stack", "init", "dev")
    told = shell.run("import", "k:index:T", "a", "id-a", "--yes", code=2)
    assert told == (
        "error: `pulumi import` with generated code is not supported by this engine: "
        "add --generate-code=false\n"
    )
    assert json.loads(shell.run("stack", "export"))["deployment"].get("resources") is None


@pytest.mark.parametrize(
    ("words", "missing"),
    [((), "type, name, and id"), (("k:index:T",), "name and id"), (("k:index:T", "a"), "id")],
)
def test_what_is_missing_is_named(shell, words, missing):
    told = shell.run("import", *words, code=1)
    assert told == (
        "error: an inline resource must be specified if no converter or import file is used, missing "
        f"{missing}\n"
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("a", "b", "c", "d"), "only expected at most three arguments"),
        (("a", "--file", "f"), "an inline resource may not be specified in conjunction with an import file"),
        (("k:i:T", "a", "1", "--parent", "x"), "invalid parent URN: 'x'"),
        (
            (
                "k:i:T",
                "a",
                "1",
                "--parent",
                "n=urn:pulumi:s::p::t::x",
                "--provider",
                "n=urn:pulumi:s::p::t::y",
            ),
            "provider and parent must have distinct names, both were 'n'",
        ),
    ],
)
def test_wrong_words_are_answered_as_pulumi_does(shell, words, problem):
    assert shell.run("import", *words, code=1) == f"error: {problem}\n"


def test_an_import_needs_a_yes(shell):
    shell.run("stack", "init", "dev")
    told = shell.run("--non-interactive", "import", "k:i:T", "a", "1", "--generate-code=false", code=2)
    assert told.startswith("error: --yes or --skip-preview or --preview-only must be passed in")
