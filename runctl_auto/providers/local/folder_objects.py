"""The objects of a job in its folder, with errors as those of a cloud."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runctl_auto.agent import errors as agent_errors
from runctl_auto.agent.store.folder_store import FolderStore
from runctl_auto.errors import CloudError, NotFoundError


class FolderObjects:
    """Implements the agent's ``ChangeableStore``. A folder that does not exist is empty.

    Raises ``CloudError`` when something cannot be read or written, and the agent's ``IntegrityError`` for an
    object that is larger than asked for.
    """

    def __init__(self, folder: Path) -> None:
        self._store = FolderStore(folder)

    def get(self, key: str, at_most: int) -> bytes:
        with _translated():
            return self._store.get(key, at_most)

    def find(self, key: str, at_most: int) -> bytes | None:
        with _translated():
            return self._store.find(key, at_most)

    def download(self, key: str, target: Path, at_most: int) -> str:
        with _translated():
            return self._store.download(key, target, at_most)

    def put(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        with _translated():
            self._store.put(key, data, content_type)

    def put_new(self, key: str, data: bytes) -> bool:
        with _translated():
            return self._store.put_new(key, data)

    def delete(self, key: str) -> None:
        with _translated():
            self._store.delete(key)

    def object_sizes(self, prefix: str) -> dict[str, int]:
        with _translated():
            return self._store.object_sizes(prefix)

    def list_folders(self, prefix: str) -> list[str]:
        with _translated():
            return self._store.list_folders(prefix)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except agent_errors.NotFoundError as error:
        raise NotFoundError(str(error), code="NotFound") from error
    except agent_errors.StoreError as error:
        raise CloudError(f"The job's folder cannot be used: {error}") from error
