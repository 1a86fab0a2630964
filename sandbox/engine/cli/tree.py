"""The commands of the executable, all of them declarations: nothing is imported until one runs."""

from __future__ import annotations

from sandbox.engine.cli.command import Arguments, Command, unsupported
from sandbox.engine.cli.flags import FlagKind, hidden, number, refused, switch, text, texts
from sandbox.engine.cli.operation_flags import DESTROY, IMPORT, PREVIEW, REFRESH, UP
from sandbox.engine.cli.shared_flags import CONFIG_FILE, JSON, PATH, SHOW_SECRETS, STACK, YES
from sandbox.engine.cli.stack_tree import STACK_COMMAND

GLOBAL = (
    text("color", "When to colour output: always, never, raw, auto", default="auto"),
    text("cwd", "Run as if started in this folder", "C"),
    switch("disable-integrity-checking", "Use a state although it breaks the rules"),
    switch("non-interactive", "Never ask"),
    switch("fully-qualify-stack-names", "Show stacks with organization and project", "Q"),
    *hidden(
        switch("emoji", "", "e"),
        switch("logflow", ""),
        switch("logtostderr", ""),
        number("verbose", "", "v"),
    ),
    *refused(FlagKind.NUMBER, "memprofilerate"),
    *refused(FlagKind.TEXT, "otel-traces", "profiling", "tracing"),
)


_CONFIG = Command(
    "config",
    "Manage configuration",
    "config_read:list_config",
    flags=(SHOW_SECRETS, JSON, *hidden(switch("open", ""))),
    shared=(STACK, CONFIG_FILE),
    section="Stack Management Commands",
    subcommands=(
        Command(
            "get",
            "Print one value",
            "config_read:get",
            flags=(JSON, PATH, *hidden(switch("open", "", default=True))),
            arguments=Arguments(("key",), 1),
        ),
        Command(
            "set",
            "Set a value",
            "config_write:set_value",
            flags=(
                PATH,
                switch("plaintext", "Keep it in plain text"),
                switch("secret", "Encrypt it"),
                switch("raw", "Keep the line end of a value read from standard input"),
                text("type", "The type of the value: string, bool, int, float"),
            ),
            arguments=Arguments(("key", "value"), 1),
        ),
        Command(
            "set-all",
            "Set several values",
            "config_write:set_all",
            flags=(
                PATH,
                texts("plaintext", "key=value, kept in plain text"),
                texts("secret", "key=value, encrypted"),
                text("json", "Values as `pulumi config --json` prints them"),
            ),
        ),
        Command(
            "remove",
            "Remove a value",
            "config_write:remove",
            flags=(PATH,),
            arguments=Arguments(("key",), 1),
            aliases=("rm", "delete"),
        ),
        Command(
            "remove-all",
            "Remove several values",
            "config_write:remove_all",
            flags=(PATH,),
            arguments=Arguments(("key",), 1, variadic=True),
            aliases=("rm-all", "delete-all"),
        ),
        Command(
            "refresh",
            "Take the configuration of the last operation",
            "config_write:refresh",
            flags=(switch("force", "Overwrite the settings file without a copy", "f"),),
        ),
        Command(
            "copy",
            "Copy values to another stack",
            "config_write:copy",
            flags=(PATH, text("dest", "The stack to copy to", "d")),
            arguments=Arguments(("key",)),
            aliases=("cp",),
        ),
        Command("env", supported=False),
    ),
)

_STATE_FLAGS = (STACK, YES)
_STATE = Command(
    "state",
    "Edit the state of a stack",
    section="Stack Management Commands",
    subcommands=(
        Command(
            "protect",
            "Protect resources from deletion",
            "state_edit:protect",
            flags=(*_STATE_FLAGS, switch("all", "All resources")),
            arguments=Arguments(("urn",), 0, variadic=True),
        ),
        Command(
            "unprotect",
            "Let resources be deleted",
            "state_edit:unprotect",
            flags=(*_STATE_FLAGS, switch("all", "All resources")),
            arguments=Arguments(("urn",), 0, variadic=True),
        ),
        Command(
            "remove",
            "Forget resources, leaving them where they are",
            "state_edit:delete",
            flags=(
                *_STATE_FLAGS,
                switch("force", "Forget protected resources too"),
                switch("all", "All resources"),
                switch("target-dependents", "And all that depends on them"),
            ),
            arguments=Arguments(("urn",), 0, variadic=True),
            aliases=("rm", "delete"),
        ),
        Command(
            "rename",
            "Rename a resource",
            "state_edit:rename",
            flags=_STATE_FLAGS,
            arguments=Arguments(("urn", "new-name"), 2),
        ),
        *unsupported("edit", "get", "move", "repair", "taint", "untaint", "upgrade"),
    ),
)

_PLUGIN = Command(
    "plugin",
    "Plugins of providers",
    section="Plugin Commands",
    subcommands=(
        Command(
            "list",
            "List the installed plugins",
            "plugin:list_plugins",
            flags=(JSON, *refused(FlagKind.SWITCH, "project/p")),
            aliases=("ls",),
        ),
        Command(
            "install",
            "Install a plugin",
            "plugin:install",
            flags=(
                text("server", "Download from this address"),
                switch("exact", "Exactly this version"),
                switch("reinstall", "Even when it is there"),
                text("file", "From this archive", "f"),
                text("checksum", "Its expected checksum"),
            ),
            arguments=Arguments(("kind", "name", "version")),
        ),
        Command(
            "remove",
            "Remove plugins",
            "plugin:remove",
            flags=(switch("all", "All plugins", "a"), YES),
            arguments=Arguments(("kind", "name", "version")),
            aliases=("rm", "delete"),
        ),
        *unsupported("run", "download"),
    ),
)

ROOT = Command(
    "pulumi",
    flags=(switch("version", "Print the version"),),
    shared=GLOBAL,
    subcommands=(
        _CONFIG,
        STACK_COMMAND,
        _STATE,
        Command(
            "up",
            "Create or update the resources of a stack",
            "up:run",
            flags=(STACK, CONFIG_FILE, *UP),
            arguments=Arguments(("template",)),
            aliases=("update",),
            section="Deployment Commands",
        ),
        Command(
            "preview",
            "Show what an update would do",
            "preview:run",
            flags=(STACK, CONFIG_FILE, *PREVIEW),
            aliases=("pre",),
            section="Deployment Commands",
        ),
        Command(
            "refresh",
            "Take what the resources of a stack are now into its state",
            "refresh:run",
            flags=(STACK, CONFIG_FILE, *REFRESH),
            section="Stack Management Commands",
        ),
        Command(
            "destroy",
            "Delete the resources of a stack",
            "destroy:run",
            flags=(STACK, CONFIG_FILE, *DESTROY),
            aliases=("down", "dn"),
            section="Deployment Commands",
        ),
        Command(
            "import",
            "Take resources that exist into a stack",
            "import_resources:run",
            flags=(STACK, CONFIG_FILE, *IMPORT),
            arguments=Arguments(("type", "name", "id"), 0, variadic=True),
            section="Deployment Commands",
        ),
        Command(
            "cancel",
            "Remove the locks of a stack",
            "cancel:run",
            flags=(STACK, YES),
            arguments=Arguments(("stack-name",)),
            section="Deployment Commands",
        ),
        Command(
            "install",
            "Check that what the program needs is there",
            "install:run",
            flags=(
                switch("no-plugins", "Skip plugins"),
                switch("no-dependencies", "Skip the program's packages"),
                switch("reinstall", "Install again"),
                switch("use-language-version-tools", "Use the language's version tools"),
                number("parallel", "How many at once"),
            ),
            section="Stack Management Commands",
        ),
        Command(
            "login",
            "Choose where state is kept",
            "login:login",
            flags=(
                text("cloud-url", "The backend's address", "c"),
                switch("local", "Keep state in the home folder", "l"),
                *refused(
                    FlagKind.TEXT,
                    "default-org",
                    "oidc-token",
                    "oidc-org",
                    "oidc-team",
                    "oidc-user",
                    "oidc-expiration",
                ),
                *refused(FlagKind.SWITCH, "insecure", "interactive"),
            ),
            arguments=Arguments(("url",)),
            section="Backend Commands",
        ),
        Command(
            "logout",
            "Forget where state is kept",
            "login:logout",
            flags=(
                switch("all", "Every backend"),
                text("cloud-url", "The backend's address", "c"),
                switch("local", "The home folder", "l"),
            ),
            arguments=Arguments(("url",)),
            section="Backend Commands",
        ),
        Command(
            "whoami",
            "Print who is logged in",
            "whoami:run",
            flags=(JSON, switch("verbose", "In detail", "v")),
            section="Backend Commands",
        ),
        _PLUGIN,
        Command("version", "Print the version", "version:run", section="Other Commands"),
        Command(
            "about",
            "Print the environment that the engine sees",
            "about:run",
            flags=(JSON, switch("transitive", "", "t"), STACK),
            section="Other Commands",
        ),
        Command("help", "Show help", "help:run", arguments=Arguments(("command",), 0, variadic=True)),
        *unsupported(
            "new",
            "env",
            "org",
            "project",
            "deployment",
            "api",
            "insights",
            "do",
            "policy",
            "schema",
            "package",
            "gen-completion",
            "convert",
            "watch",
            "logs",
            "template",
            "neo",
            "console",
        ),
    ),
)
