"""What a job of this machine inherits of the caller's environment: what finds programs, and no secrets.

The names are a list of what may pass, not of what may not: a value that is written down can be no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_NAMES = frozenset(
    {
        "CONDA_DEFAULT_ENV", "CONDA_EXE", "CONDA_PREFIX", "CPATH", "CUDA_HOME", "CUDA_PATH", "DOCKER_CONFIG",
        "DOCKER_CONTEXT", "DOCKER_HOST", "HOME", "LANG",
        "LANGUAGE", "LD_LIBRARY_PATH", "LIBRARY_PATH", "LOGNAME", "MAMBA_ROOT_PREFIX", "MANPATH",
        "MKL_NUM_THREADS", "OMP_NUM_THREADS", "PATH", "PKG_CONFIG_PATH", "PYENV_ROOT", "SHELL",
        "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER", "UV_CACHE_DIR", "VIRTUAL_ENV",
        "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
    }
)  # fmt: skip
_PREFIXES = ("LC_",)
_LONGEST_TEMPORARY = 60
"""Programs make sockets below it, whose whole path has 107 bytes at most."""


def inherited(shell: Mapping[str, str], temporary: Path) -> tuple[dict[str, str], str | None]:
    """The variables, with ``temporary`` as the folder of temporary files, and a note where that cannot be."""
    found = {name: value for name, value in shell.items() if name in _NAMES or name.startswith(_PREFIXES)}
    if len(str(temporary)) <= _LONGEST_TEMPORARY:
        return {**found, "TMPDIR": str(temporary)}, None
    return found, (
        f"temporary files of the job go to {found.get('TMPDIR', '/tmp')}: "  # noqa: S108 - where they are then
        "the path of its own folder is too long for sockets"
    )
