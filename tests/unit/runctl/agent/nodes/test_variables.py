from __future__ import annotations

from runctl_auto.agent.nodes.master_port import FIRST_PORT, LAST_PORT, TRIED, ports_of
from runctl_auto.agent.nodes.messages import Place, Round
from runctl_auto.agent.nodes.variables import round_variables

PLACES = (Place(0, "10.0.0.1", 4), Place(2, "10.0.0.3", 4), Place(3, "10.0.0.4", 4))


def test_a_rank_is_told_where_the_others_are_in_the_names_of_several_tools() -> None:
    found = round_variables(Round(2, PLACES, 23_456), 2)
    addresses = "10.0.0.1\n10.0.0.3\n10.0.0.4"
    assert found == {
        "RUNCTL_NODE_RANK": "1",
        "RUNCTL_NUM_NODES": "3",
        "RUNCTL_NODE_IPS": addresses,
        "RUNCTL_MASTER_ADDR": "10.0.0.1",
        "RUNCTL_GPUS_PER_NODE": "4",
        "MASTER_ADDR": "10.0.0.1",
        "MASTER_PORT": "23456",
        "NODE_RANK": "1",
        "WORLD_SIZE": "12",
        "SKYPILOT_NODE_RANK": "1",
        "SKYPILOT_NODE_IPS": addresses,
        "SKYPILOT_NUM_NODES": "3",
        "SKYPILOT_NUM_GPUS_PER_NODE": "4",
        "DSTACK_NODE_RANK": "1",
        "DSTACK_NODES_NUM": "3",
        "DSTACK_MASTER_NODE_IP": "10.0.0.1",
        "DSTACK_NODES_IPS": addresses,
        "DSTACK_GPUS_PER_NODE": "4",
        "DSTACK_GPUS_NUM": "12",
    }


def test_how_many_processes_a_machine_without_gpus_starts_is_not_known() -> None:
    places = (Place(0, "10.0.0.1"), Place(1, "10.0.0.2"))
    assert "WORLD_SIZE" not in round_variables(Round(1, places, 20_000), 1)


def test_ports_come_from_the_run_and_are_no_port_of_outgoing_connections() -> None:
    ports = ports_of("r1")
    assert ports == ports_of("r1") != ports_of("r2")
    assert len(set(ports)) == TRIED
    assert all(FIRST_PORT <= port <= LAST_PORT < 32_768 for port in ports)
