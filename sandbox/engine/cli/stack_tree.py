"""`pulumi stack` and the commands below it."""

from __future__ import annotations

from sandbox.engine.cli.command import Arguments, Command, unsupported
from sandbox.engine.cli.flags import FlagKind, number, refused, switch, text
from sandbox.engine.cli.shared_flags import CONFIG_FILE, JSON, SHOW_SECRETS, STACK, YES

_TAG = Command(
    "tag",
    "Tags of a stack",
    shared=(STACK,),
    subcommands=(
        Command("get", "Print one tag", "stack_tag:get", arguments=Arguments(("name",), 1)),
        Command("list", "List the tags", "stack_tag:list_tags", flags=(JSON,), aliases=("ls",)),
        Command(
            "remove",
            "Remove a tag",
            "stack_tag:remove",
            arguments=Arguments(("name",), 1),
            aliases=("rm", "delete"),
        ),
        Command("set", "Set a tag", "stack_tag:set_tag", arguments=Arguments(("name", "value"), 2)),
    ),
)

STACK_COMMAND = Command(
    "stack",
    "Manage stacks and show their state",
    "stack_show:show",
    flags=(
        switch("show-ids", "Show the ids of resources", "i"),
        switch("show-urns", "Show the URNs of resources", "u"),
        SHOW_SECRETS,
        switch("show-name", "Show only the stack's name"),
    ),
    shared=(STACK, CONFIG_FILE),
    section="Stack Management Commands",
    subcommands=(
        Command(
            "list",
            "List stacks",
            "stack_list:list_stacks",
            flags=(
                switch("all", "Of all projects", "a"),
                JSON,
                text("organization", "Of one organization", "o"),
                text("project", "Of one project", "p"),
                text("tag", "With a tag (`name` or `name=value`)", "t"),
            ),
            aliases=("ls",),
        ),
        Command(
            "new",
            "Make a stack",
            "stack_life:create",
            flags=(
                text("secrets-provider", "How secrets are encrypted: passphrase", default="default"),
                text("copy-config-from", "Copy the configuration of this stack"),
                switch("no-select", "Do not select the stack"),
                YES,
                *refused(FlagKind.TEXTS, "teams"),
                *refused(FlagKind.SWITCH, "remote-config"),
            ),
            arguments=Arguments(("name",)),
            aliases=("init", "create", "setup"),
        ),
        Command(
            "select",
            "Select a stack",
            "stack_life:select",
            flags=(
                switch("create", "Make the stack when there is none", "c"),
                text("secrets-provider", "How secrets are encrypted: passphrase", default="default"),
                *refused(FlagKind.SWITCH, "remote-config"),
            ),
            arguments=Arguments(("name",)),
        ),
        Command("unselect", "Forget which stack is selected", "stack_life:unselect"),
        Command(
            "remove",
            "Remove a stack and its history",
            "stack_life:remove",
            flags=(
                switch("force", "Remove it although resources are left", "f"),
                switch("preserve-config", "Keep its settings file"),
                switch("remove-backups", "Remove its backups too"),
                YES,
            ),
            arguments=Arguments(("name",)),
            aliases=("rm", "delete"),
        ),
        Command("rename", "Rename a stack", "stack_life:rename", arguments=Arguments(("new-name",), 1)),
        Command(
            "output",
            "Print the outputs of a stack",
            "stack_output:output",
            flags=(JSON, switch("shell", "Print shell assignments"), SHOW_SECRETS),
            arguments=Arguments(("name",)),
        ),
        Command(
            "export",
            "Print the state of a stack",
            "stack_state:export",
            flags=(text("file", "Write to this file"), SHOW_SECRETS, *refused(FlagKind.TEXT, "version")),
        ),
        Command(
            "import",
            "Replace the state of a stack",
            "stack_state:import_state",
            flags=(text("file", "Read from this file"), switch("force", "Import despite errors", "f")),
        ),
        Command(
            "history",
            "Show the operations of a stack",
            "stack_history:history",
            flags=(
                JSON,
                SHOW_SECRETS,
                switch("full-dates", "Show dates in full"),
                number("page-size", "Entries on a page", default=10),
                number("page", "Which page, from 1"),
            ),
            aliases=("hist",),
        ),
        _TAG,
        *unsupported(
            "change-secrets-provider", "graph", "get", "drift", "schedule", "webhook", "deployment", "migrate"
        ),
    ),
)
