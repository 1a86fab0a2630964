"""Writes the reference from the code: `make docs`. The tests hold the files against what this makes."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

HERE = Path(__file__).resolve().parent
MADE = "<!-- made by `make docs` from the code: change it there -->\n"


def main() -> int:
    """Writes every page that differs; says which."""
    for name, text in pages().items():
        file = HERE / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {file.relative_to(HERE.parents[1])}\n")
    return 0


def pages() -> dict[str, str]:
    """The text of every page by its file name."""
    made = {
        "commands.md": _commands(),
        "job-file.md": _job_file(),
        "settings.md": _settings(),
        "errors.md": _errors(),
        "json-output.md": _json_output(),
    }
    texts = {name: MADE + "\n".join(lines).rstrip() + "\n" for name, lines in made.items()}
    return {**texts, "training-job.schema.json": _component_schema()}


def _component_schema() -> str:
    """The schema of the component provider, as Pulumi's tools read it."""
    from pulumi.provider.experimental.component import ComponentProvider

    from stacks.training_job.facade import TrainingJob
    from stacks.training_job.package import NAME

    schema = json.loads(ComponentProvider([TrainingJob], NAME).schema or "{}")
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _commands() -> Iterator[str]:
    from runctl_auto.cli.main import cli

    yield from (
        "# Commands",
        "",
        "`runctl [--sandbox] [--output text|json] [-v] COMMAND ...`; the options before",
    )
    yield from (
        "COMMAND may stand after it as well. What each prints as JSON: [json-output.md](json-output.md).",
        "",
    )
    leaves = list(_leaves(cli, ()))
    yield from (f"* [`runctl {' '.join(path)}`](#runctl-{'-'.join(path)})" for path, _ in leaves)
    for path, command in leaves:
        context = click.Context(command, info_name=f"runctl {' '.join(path)}")
        usage = " ".join([f"runctl {' '.join(path)}", *command.collect_usage_pieces(context)])
        yield from ("", f"## runctl {' '.join(path)}", "", f"    {usage}", "", _sentence(command.help or ""))
        options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
        if options:
            yield from ("", "| option | |", "| --- | --- |")
        for option in options:
            record = option.get_help_record(context)
            if record is not None:
                yield f"| `{_cell(record[0])}` | {_cell(record[1])} |"


def _leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is not None:
            yield from _leaves(inner, (*path, name))


def _job_file() -> Iterator[str]:
    from runctl_auto.job_file.other_names import OTHER_NAMES
    from runctl_auto.job_file.spec import JobSpec

    schema = JobSpec.model_json_schema()
    yield from (
        "# The job file",
        "",
        "YAML. Unknown keys are errors; `runctl validate FILE` tells all that is wrong",
    )
    yield from (
        "at once, `runctl schema` prints the JSON schema for editors, `runctl init` writes a first file.",
        "",
    )
    yield from _fields(schema, required=set(schema.get("required", ())))
    for name, part in schema.get("$defs", {}).items():
        if "properties" not in part or name.endswith("Range"):
            continue
        users = ", ".join(f"`{each}`" for each in _users(schema, name))
        yield from ("", f"## {users}", "")
        yield from _fields(part, required=set(part.get("required", ())))
    yield from ("", "## Names of SkyPilot and dstack", "", "Read where they mean exactly the same:", "")
    yield from ("| written | means |", "| --- | --- |")
    yield from (f"| `{'.'.join(each.written)}` | `{'.'.join(each.ours)}` |" for each in OTHER_NAMES)


def _fields(schema: Mapping[str, Any], *, required: set[str]) -> Iterator[str]:
    yield from ("| field | what for | allowed | unless given |", "| --- | --- | --- | --- |")
    for name, field in schema["properties"].items():
        default = "required" if name in required else _default(field.get("default"), _unit(field))
        yield f"| `{name}` | {_cell(field.get('title', ''))} | {_cell(_allowed(field))} | {default} |"


def _allowed(field: Mapping[str, Any]) -> str:
    text = str(field.get("description", ""))
    examples = field.get("examples")
    if examples:
        shown = examples[0] if isinstance(examples[0], str) else json.dumps(examples[0])
        text += f"; such as `{shown}`"
    return text


def _unit(field: Mapping[str, Any]) -> str:
    """The unit that a number stands in, as one writes it in a job file."""
    allowed = str(field.get("description", ""))
    return "s" if allowed.startswith("a duration") else "GB" if allowed.startswith("a size") else ""


def _default(value: Any, unit: str = "") -> str:
    if value in (None, [], {}, ""):
        return "none"
    if isinstance(value, dict):
        return "the fields' own"
    return f"`{value if isinstance(value, str) else json.dumps(value)}{unit}`"


def _users(schema: Mapping[str, Any], name: str) -> list[str]:
    """Fields whose value has this form."""
    wanted = f"#/$defs/{name}"
    found = [each for each, field in schema["properties"].items() if wanted in json.dumps(field)]
    for part in schema.get("$defs", {}).values():
        outer = [each for each, field in part.get("properties", {}).items() if wanted in json.dumps(field)]
        found += [each for each in outer if each not in found]
    return found or [name]


def _settings() -> Iterator[str]:
    from runctl_auto.settings.schema import CONFIRMED, setting_fields
    from runctl_auto.settings.sources import variable_for

    keys = [".".join(path) for path in CONFIRMED]

    yield from (
        "# Settings",
        "",
        "`.runctl.toml` in the home folder, over it that of the project, over it the",
    )
    yield from ("environment, over it options. `runctl config show` tells where each value comes from.", "")
    yield from (
        f"{', '.join(f'`{key}`' for key in keys)} decide who gets your credentials and word of jobs, or",
        "which program runs: a value in the project's file is in force only once `runctl config confirm KEY`",
        "has added it to your own. The variable of a setting without a default may say `none`.",
        "",
    )
    yield from (
        "| setting | what for | allowed | unless given | variable |",
        "| --- | --- | --- | --- | --- |",
    )
    for path, field in setting_fields():
        default = field.get_default(call_default_factory=True, validated_data={})
        shown = "your user name" if path == ("owner",) else _default(_plain(default))
        yield (
            f"| `{'.'.join(path)}` | {_cell(field.title or '')} | {_cell(field.description or '')} "
            f"| {shown} | `{variable_for(path)}` |"
        )


def _plain(value: Any) -> Any:
    return (
        str(value) if isinstance(value, Path) else list(value) if isinstance(value, (tuple, set)) else value
    )


def _errors() -> Iterator[str]:
    import runctl_auto.engine.install.errors  # noqa: F401 - its kinds are told too
    from runctl_auto.errors import ExitCode, RunctlError

    words = {
        ExitCode.DONE: "done",
        ExitCode.FAILURE: "any other failure",
        ExitCode.CHANGES: "with `--detailed-exitcode`: the plan has changes",
        ExitCode.TRAINING_FAILED: "the training command failed; its own code is printed and in the JSON",
        ExitCode.REFUSED: "refused by policy, protection or budget",
        ExitCode.LEAKED: "teardown incomplete, or something was found leaked",
        ExitCode.NO_CAPACITY: "no capacity in any candidate",
        ExitCode.USAGE: "bad usage, job file or settings",
        ExitCode.INTERRUPTED: "interrupted by the user",
    }
    yield from ("# Exit codes and errors", "", "| exit code | meaning |", "| --- | --- |")
    yield from (f"| {int(code)} | {text} |" for code, text in words.items())
    yield from (
        "",
        "Each error has a `kind`, the stable word for programs "
        "([error.schema.json](json/error.schema.json)):",
        "",
    )
    yield from ("| kind | exit code | meaning |", "| --- | --- | --- |")
    kinds = {each.kind: each for each in _below(RunctlError) if not each.__name__.startswith("_")}
    for kind, each in sorted(kinds.items()):
        text = (inspect.getdoc(each) or "").split("\n\n")[0]
        yield f"| `{kind}` | {int(each.exit_code)} | {_cell(text.replace('``', '`'))} |"


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def _json_output() -> Iterator[str]:
    yield from (
        "# JSON output",
        "",
        "With `--output json` stdout holds JSON only; words go to stderr. Every key is",
    )
    yield from (
        "always there, null where its value is unknown. A command that fails prints",
        "[error](json/error.schema.json) instead. `logs`, `transfer` and `status --watch` print one object",
        "a line.",
        "",
    )
    yield from ("| result of | schema |", "| --- | --- |")
    for file in sorted((HERE / "json").glob("*.schema.json")):
        name = file.name.removesuffix(".schema.json")
        if name not in ("shared", "error"):
            title = json.loads(file.read_text(encoding="utf-8"))["title"]
            yield f"| {_cell(title.removeprefix('Result of '))} | [{file.name}](json/{file.name}) |"


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _sentence(str(text)).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
