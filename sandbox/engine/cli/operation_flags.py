"""The flags of up, preview, refresh and destroy."""

from __future__ import annotations

from sandbox.engine.cli.flags import Flag, FlagKind, hidden, number, refused, switch, text, texts

_COMMON_TO_ALL: tuple[Flag, ...] = (
    switch("debug", "Print debugging messages", "d"),
    text("message", "A message for the history", "m"),
    switch("diff", "Show what changes in full"),
    switch("json", "Print JSON", "j"),
    number("parallel", "How many resources at once", "p", default=16),
    switch("urns", "Show URNs"),
    switch("suppress-outputs", "Do not show the outputs"),
    switch("suppress-progress", "Do not show progress dots"),
    Flag("suppress-permalink", FlagKind.OPTIONAL_TEXT, "Show no link to the state"),
    switch("skip-plugin-pre-install", "Look for plugins only when they are used"),
    *hidden(
        text("exec-kind", ""),
        text("exec-agent", ""),
        text("event-log", ""),
    ),
)

_COMMON: tuple[Flag, ...] = (
    *_COMMON_TO_ALL,
    texts("config", "A configuration value to set and keep, key=value", "c"),
    switch("config-path", "Keys given with --config are paths into maps and lists"),
    texts("target", "Only these resources (URN, `*` and `**` allowed)", "t"),
    switch("target-dependents", "And what depends on the targets"),
    Flag("refresh", FlagKind.OPTIONAL_TEXT, "Read what the resources are now first", "r"),
    switch("run-program", "Run the program to learn of its resources"),
    switch("show-sames", "Show unchanged resources"),
    switch("show-replacement-steps", "Show the steps of replacements"),
    switch("skip-config-validation", "Do not check the configuration against the project"),
    *hidden(text("client", "")),
    *refused(FlagKind.SWITCH, "show-config", "ignore-protect"),
    *refused(FlagKind.SWITCH, "neo", "copilot", "neo-task-on-failure"),
    *refused(FlagKind.TEXT, "output"),
)

_PROGRAM: tuple[Flag, ...] = (
    texts("replace", "Replace these resources"),
    texts("target-replace", "Only these resources, and replace them"),
    texts("policy-pack", "Check with this policy pack"),
    texts("policy-pack-config", "The configuration of the policy pack"),
    switch("show-policy-remediations", "Show what policies changed"),
    switch("show-reads", "Show resources that are read"),
    *refused(FlagKind.TEXTS, "attach-debugger"),
)

_CONFIRMED: tuple[Flag, ...] = (
    switch("yes", "Do it without asking", "y"),
    switch("skip-preview", "Do not show first what would be done", "f"),
)

_CONTINUE = switch("continue-on-error", "Go on with what does not depend on the failure")
_NO_CHANGES = switch("expect-no-changes", "Fail when something changes")
_PREVIEW_ONLY = switch("preview-only", "Only show what would be done")
_FULL_OUTPUT = switch("show-full-output", "Show long texts in full")
_EXCLUDE = texts("exclude", "All but these resources")
_EXCLUDE_SHORT = texts("exclude", "All but these resources", "x")
_EXCLUDE_DEPENDENTS = switch("exclude-dependents", "And all but what depends on the excluded")

_REMOTE: tuple[Flag, ...] = refused(
    FlagKind.SWITCH, "remote", "remote-inherit-settings", "remote-skip-install-dependencies"
)

UP = (
    *_COMMON,
    _FULL_OUTPUT,
    *_PROGRAM,
    *_CONFIRMED,
    _CONTINUE,
    _NO_CHANGES,
    _EXCLUDE,
    _EXCLUDE_DEPENDENTS,
    *hidden(text("plan", "")),
    switch("strict", "Do only what the preview has shown"),
    *refused(FlagKind.TEXT, "secrets-provider"),
    *refused(FlagKind.SWITCH, "show-secrets"),
    *_REMOTE,
)

PREVIEW = (
    *_COMMON,
    _FULL_OUTPUT,
    *_PROGRAM,
    _NO_CHANGES,
    _EXCLUDE_SHORT,
    _EXCLUDE_DEPENDENTS,
    *refused(FlagKind.SWITCH, "show-secrets"),
    text("save-plan", "Write what the preview proposes to a plan file"),
    *refused(FlagKind.TEXT, "import-file"),
    *_REMOTE,
)

REFRESH = (
    *_COMMON,
    *_CONFIRMED,
    _NO_CHANGES,
    _PREVIEW_ONLY,
    _EXCLUDE_SHORT,
    _EXCLUDE_DEPENDENTS,
    switch("skip-pending-creates", "Leave pending creations as they are"),
    switch("clear-pending-creates", "Forget pending creations"),
    texts("import-pending-creates", "URN and id of a creation that was interrupted"),
    *_REMOTE,
)

DESTROY = (
    *_COMMON,
    _FULL_OUTPUT,
    *_CONFIRMED,
    _CONTINUE,
    _PREVIEW_ONLY,
    _EXCLUDE_SHORT,
    switch("exclude-protected", "Keep protected resources and what they need"),
    switch("remove", "Remove the stack when nothing is left"),
    *_REMOTE,
)

IMPORT = (
    text("parent", "The parent, as name=URN"),
    text("provider", "The provider, as name=URN"),
    texts("properties", "The names of the properties to import, name1,name2"),
    text("file", "Import what this JSON file lists", "f"),
    text("out", "Write the generated program to this file", "o"),
    switch("generate-code", "Print a program for what was imported", default=True),
    switch("protect", "Protect what is imported from deletion", default=True),
    *_COMMON_TO_ALL,
    *_CONFIRMED,
    _PREVIEW_ONLY,
    *refused(FlagKind.TEXT, "output", "from", "generate-resources"),
)
