"""What a rank reads of the others, in runctl's own names, those of torchrun, and those of other tools."""

from __future__ import annotations

from collections.abc import Sequence

from runctl_auto.agent.nodes.messages import Place, Round


def round_variables(start: Round, node: int) -> dict[str, str]:
    """The variables of the rank of ``node`` in one round. Ranks count the nodes that take part.

    WORLD_SIZE is the number of all GPUs, where the machines have any: how many processes a command starts on
    a machine without is not known.
    """
    rank = [each.node for each in start.places].index(node)
    gpus = sum(each.gpus for each in start.places)
    found = node_variables(rank, start.places, start.port)
    return {**found, "WORLD_SIZE": str(gpus)} if gpus else found


def node_variables(rank: int, places: Sequence[Place], port: int) -> dict[str, str]:
    """The variables of one rank of ``places``, without WORLD_SIZE."""
    master, count, gpus = places[0].address, str(len(places)), str(places[rank].gpus)
    addresses = "\n".join(each.address for each in places)
    return {
        "RUNCTL_NODE_RANK": str(rank),
        "RUNCTL_NUM_NODES": count,
        "RUNCTL_NODE_IPS": addresses,
        "RUNCTL_MASTER_ADDR": master,
        "RUNCTL_GPUS_PER_NODE": gpus,
        "MASTER_ADDR": master,
        "MASTER_PORT": str(port),
        "NODE_RANK": str(rank),
        # SkyPilot
        "SKYPILOT_NODE_RANK": str(rank),
        "SKYPILOT_NODE_IPS": addresses,
        "SKYPILOT_NUM_NODES": count,
        "SKYPILOT_NUM_GPUS_PER_NODE": gpus,
        # dstack
        "DSTACK_NODE_RANK": str(rank),
        "DSTACK_NODES_NUM": count,
        "DSTACK_MASTER_NODE_IP": master,
        "DSTACK_NODES_IPS": addresses,
        "DSTACK_GPUS_PER_NODE": gpus,
        "DSTACK_GPUS_NUM": str(sum(each.gpus for each in places)),
    }
