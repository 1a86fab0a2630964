"""Which line each key of a TOML file stands on."""

from __future__ import annotations

from runctl_auto.settings.toml_lines import key_lines

TEXT = '''# a comment
owner = "x"
"aws".'profile' = "p"

[engine] # tables
path = "auto"
note = """
[policies]
parallel = 5
"""
parallel = 3

[[ "quoted table" ]]
a.b = 1
'''


def test_keys_tables_and_dotted_keys_are_found_and_texts_over_lines_are_not() -> None:
    assert key_lines(TEXT) == {
        ("owner",): 2,
        ("aws", "profile"): 3,
        ("engine",): 5,
        ("engine", "path"): 6,
        ("engine", "note"): 7,
        ("engine", "parallel"): 11,
        ("quoted table",): 13,
        ("quoted table", "a", "b"): 14,
    }
