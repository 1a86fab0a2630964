from __future__ import annotations

import configparser
from pathlib import Path

from runctl_auto.agent.start.units import DEADLINE_SERVICE, DEADLINE_TIMER, agent_service, deadline_units


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return parser


def test_the_agent_is_restarted_and_starts_on_boot() -> None:
    unit = parsed(agent_service(Path("/var/lib/runctl/agent-x.pyz"), {}))
    assert dict(unit["Service"]) == {
        "Type": "simple",
        "ExecStart": "/usr/bin/env python3 /var/lib/runctl/agent-x.pyz",
        "Restart": "on-failure",
        "RestartSec": "5",
        "TimeoutStopSec": "120",
        "KillMode": "mixed",
    }
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_variables_are_quoted_for_the_service_manager() -> None:
    text = agent_service(Path("/a"), {"B": "http://h:1/%20", "A": 'x "y" \\z'})
    assert 'Environment="A=x \\"y\\" \\\\z"\nEnvironment="B=http://h:1/%%20"\n' in text


def test_the_deadline_is_absolute_and_independent_of_the_agent() -> None:
    units = deadline_units(1_800_000_000.7)
    assert parsed(units[DEADLINE_TIMER])["Timer"]["OnCalendar"] == "2027-01-15 08:00:00 UTC"
    assert parsed(units[DEADLINE_TIMER])["Timer"]["Persistent"] == "true"
    assert parsed(units[DEADLINE_SERVICE])["Service"]["ExecStart"] == "/usr/bin/env shutdown -h now"


def test_the_deadline_of_a_machine_that_would_be_replaced_ends_its_group_first() -> None:
    units = deadline_units(
        1_800_000_000, Path("/var/lib/runctl/agent-x.pyz"), {"AWS_ENDPOINT_URL": "http://h"}
    )
    service = parsed(units[DEADLINE_SERVICE])["Service"]
    assert list(service) == ["Type", "Environment", "ExecStartPre", "ExecStart"]
    # Whatever comes of it, and however long it takes, the machine shuts down.
    assert service["ExecStartPre"] == (
        "-/usr/bin/env timeout 90 python3 /var/lib/runctl/agent-x.pyz end-group"
    )
    assert service["Environment"] == '"AWS_ENDPOINT_URL=http://h"'
    assert service["ExecStart"] == "/usr/bin/env shutdown -h now"


def test_without_a_deadline_there_is_no_timer() -> None:
    assert deadline_units(None) == {}
