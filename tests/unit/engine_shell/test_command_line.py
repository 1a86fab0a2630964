"""Flags, commands and the way from words to an exit code."""

import io

import pytest

from sandbox.engine.cli.command import Arguments, Command, parse
from sandbox.engine.cli.errors import UnsupportedError, UsageError
from sandbox.engine.cli.flags import FlagKind, number, refused, switch, text, texts
from sandbox.engine.cli.main import run
from sandbox.engine.cli.tree import ROOT

TREE = Command(
    "tool",
    shared=(switch("quiet", "", "q"),),
    subcommands=(
        Command(
            "stack",
            handler="x:x",
            shared=(text("stack", "", "s"),),
            subcommands=(
                Command(
                    "list",
                    handler="x:x",
                    aliases=("ls",),
                    flags=(switch("json", "", "j"), texts("tag", "", "t"), number("page", "", "p")),
                ),
                Command("set", handler="x:x", arguments=Arguments(("key", "value"), 1)),
                Command("drift", supported=False),
            ),
        ),
        Command("up", handler="x:x", flags=refused(FlagKind.TEXT, "plan")),
    ),
)


def test_flags_stand_anywhere_and_take_values_in_every_form():
    found = parse(TREE, ["-q", "stack", "--stack", "dev", "ls", "-jt", "a", "--tag=b", "-p7"])
    assert found.title == "tool stack list"
    assert found.flags.on("quiet")
    assert found.flags.on("json")
    assert found.flags.text("stack") == "dev"
    assert found.flags.texts("tag") == ("a", "b")
    assert found.flags.number("page") == 7


def test_a_flags_value_is_not_taken_for_a_subcommand():
    assert parse(TREE, ["stack", "-s", "list"]).title == "tool stack"


def test_words_after_two_dashes_are_arguments():
    found = parse(TREE, ["stack", "set", "key", "--", "--value"])
    assert found.arguments == ("key", "--value")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["up", "--bogus"], "unknown flag: --bogus"),
        (["up", "-z"], "unknown shorthand flag: 'z' in -z"),
        (["stack", "ls", "--page"], "flag needs an argument: --page"),
        (
            ["stack", "ls", "-p", "x"],
            'invalid argument "x" for "-p, --page" flag: strconv.ParseInt: parsing "x": invalid syntax',
        ),
        (["nonsense"], 'unknown command "nonsense" for "tool"\nRun \'tool --help\' for usage.'),
        (
            ["stack", "nonsense"],
            'unknown command "nonsense" for "tool stack"\nRun \'tool stack --help\' for usage.',
        ),
        (["stack", "set"], "requires at least 1 arg(s), only received 0"),
        (["stack", "set", "a", "b", "c"], "accepts at most 2 arg(s), received 3"),
        (["stack", "ls", "extra"], "accepts 0 arg(s), received 1"),
    ],
)
def test_wrong_words_are_answered_as_pulumi_does(words, message):
    with pytest.raises(UsageError) as caught:
        parse(TREE, words)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("words", "named"), [(["stack", "drift"], "`tool stack drift`"), (["up", "--plan", "f"], "--plan")]
)
def test_what_only_pulumi_does_is_refused_by_name(words, named):
    with pytest.raises(UnsupportedError, match=named):
        parse(TREE, words)


def test_help_comes_with_a_wrong_number_of_arguments():
    code, out, err = _run("config", "get")
    assert (code, err) == (1, "error: accepts 1 arg(s), received 0\n")
    assert "pulumi config get <key> [flags]" in out


def test_help_needs_no_arguments():
    assert parse(TREE, ["stack", "set", "--help"]).flags.on("help")


def _run(*words):
    out, err = io.StringIO(), io.StringIO()
    return run(words, {}, out, err), out.getvalue(), err.getvalue()


def test_version():
    assert _run("version") == (0, "v3.260.0\n", "")
    assert _run("--version") == (0, "v3.260.0\n", "")


def test_help_names_every_supported_command_and_no_hidden_flag():
    code, out, err = _run("--help")
    assert (code, err) == (0, "")
    for command in ROOT.subcommands:
        assert (f"\n  {command.name} " in out) == command.supported, command.name
    assert "--tracing" not in out


def test_preview_help_offers_no_remote_runs():
    assert "--remote" not in _run("preview", "--help")[1]


def test_errors_go_to_stderr_with_pulumis_exit_codes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _run("nonsense")[0] == 1
    assert _run("up", "--plan", "x")[0] == 2
    assert _run("new") == (2, "", "error: `pulumi new` is not supported by this engine\n")
    code, out, err = _run("stack", "ls")
    assert (code, out) == (1, "")
    assert "no Pulumi.yaml project file found" in err


def test_a_global_flag_may_come_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _run("--non-interactive", "version")[0] == 0
