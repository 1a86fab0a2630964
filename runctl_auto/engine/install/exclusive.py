"""One installation at a time: others wait until it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runctl_auto.engine.install.place import Place
from runctl_auto.engine.install.stages import Stages
from runctl_auto.engine.install.work_folder import Sleep, remove_tree
from runctl_auto.local import file_lock

_POLL_SECONDS = 0.5


@contextmanager
def exclusive(place: Place, stages: Stages, sleep: Sleep, process: int) -> Iterator[None]:
    """Holds the lock of ``place``; waits without limit while another process has it. Raises OSError."""
    place.folder.mkdir(parents=True, exist_ok=True)
    with place.lock.open("a+", encoding="ascii") as file:
        is_told = False
        while not file_lock.take(file):
            if not is_told:
                stages.enter(f"waiting for another installation (process {_holder(place) or 'unknown'})")
                is_told = True
            sleep(_POLL_SECONDS)
            stages.tick()
        file.truncate(0)
        file.write(str(process))
        file.flush()
        yield


def remove_leftovers(place: Place, sleep: Sleep) -> None:
    """Removes work folders of other versions whose installation was killed. Raises OSError."""
    for other in place.unfinished():
        if other == place:
            continue
        with other.lock.open("a", encoding="ascii") as file:
            if file_lock.take(file):
                remove_tree(other.work, sleep)


def _holder(place: Place) -> str:
    try:
        return place.lock.read_text(encoding="ascii").strip()
    except OSError:
        return ""
