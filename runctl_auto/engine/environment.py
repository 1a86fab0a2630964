"""Where a command works: real AWS or the sandbox, with which engine and which backend.

The only importer of ``sandbox`` and the only place that knows how the sandbox differs from AWS: in
environment variables, nothing else.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from runctl_auto.engine.aws_identity import Identity, choose_identity
from runctl_auto.engine.sandbox_extra import require_sandbox_extra
from runctl_auto.errors import SandboxError
from runctl_auto.local.private_folder import create_private, refuse_planted_passphrase
from runctl_auto.local.project import ProjectFolders
from runctl_auto.settings.schema import Settings

if TYPE_CHECKING:
    from runctl_auto.engine.choice import Engine
    from runctl_auto.providers.contract import CallerIdentity, Provider
    from runctl_auto.providers.objects import ObjectData
    from sandbox.daemon import Endpoints, StopReport
    from sandbox.daemon import SandboxStatus as SandboxStatus  # noqa: PLC0414


KEY_OF_RUNPOD = "RUNPOD_API_KEY"
"""The variable with the key of RunPod's account; without it, RunPod is not looked at."""


class StartSandbox(Protocol):
    """Starts the sandbox of a folder unless it runs, and waits until it is ready."""

    def __call__(self, folder: Path, *, progress: Callable[[str], None]) -> Endpoints: ...


_FOREIGN_VARIABLES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CA_BUNDLE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_STACK",
    "RUNPOD_API_KEY",
    "RUNPOD_ENDPOINT_URL",
    "CONTAINER_REGISTRY_ENDPOINT_URL",
)
"""Variables of a person's real accounts that must not reach the sandbox's processes."""


@dataclass(frozen=True)
class Environment:
    """Everything that a command needs to know about where it works."""

    sandbox: bool
    engine: Engine
    backend: str
    secrets_provider: str
    variables: Mapping[str, str]
    removed: tuple[str, ...] = ()
    endpoint_url: str | None = None
    lost_jobs: tuple[str, ...] = ()
    isolation: str | None = None
    identity: Identity = field(default_factory=Identity)

    def enter(self) -> None:
        """Makes this process's own environment agree, so that every library and child sees the same cloud."""
        _enter(self.variables, self.removed)

    def provider(self, region: str | None = None) -> Provider:
        """The provider of a region, by default the one that the person's own settings name; call ``enter``
        first. Asks nobody."""
        return make_provider(self.endpoint_url, region)


def enter_identity(settings: Settings, environ: Mapping[str, str]) -> Identity:
    """The identity that commands have, made that of this process: for what needs no engine.

    Raises ``CredentialsError`` as ``real_cloud`` does.
    """
    identity = choose_identity(settings.aws.profile, environ)
    _enter(identity.variables, (*identity.removed, *_unused(settings, environ)))
    return identity


def _unused(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Keys that nobody is to find: where RunPod is switched off, nobody looks there."""
    return (KEY_OF_RUNPOD,) if KEY_OF_RUNPOD in environ and not settings.runpod.enabled else ()


def _enter(variables: Mapping[str, str], removed: Iterable[str]) -> None:
    for name in removed:
        os.environ.pop(name, None)
    own = ("AWS_", "RUNPOD_", "CONTAINER_REGISTRY_")
    os.environ.update({name: value for name, value in variables.items() if name.startswith(own)})


def make_provider(endpoint_url: str | None, region: str | None, *, as_engine: bool = False) -> Provider:
    """AWS in a region, by default the one that the person's own settings name. Asks nobody.

    ``endpoint_url`` stands for AWS's own addresses. ``as_engine``: with the credentials that the engine
    finds.
    """
    from runctl_auto.providers.aws.access import Cloud
    from runctl_auto.providers.aws.clients import client_maker
    from runctl_auto.providers.aws.provider import AwsProvider
    from runctl_auto.providers.aws.regions import home_region

    factory = client_maker(endpoint_url, as_engine=as_engine)
    cloud = Cloud(factory, region or home_region(os.environ))
    aws = AwsProvider(cloud)
    if not os.environ.get(KEY_OF_RUNPOD):
        return aws
    from runctl_auto.providers.runpod.access import runpod_access
    from runctl_auto.providers.runpod.client import RunpodClient
    from runctl_auto.providers.runpod.clouds import Clouds

    return Clouds(aws, cloud, RunpodClient(runpod_access(os.environ)))


def open_bucket(endpoint_url: str | None, name: str) -> ObjectData:
    """A bucket with the person's own credentials, whoever owns it. Makes no request; imports little."""
    from runctl_auto.providers.aws.access import Cloud
    from runctl_auto.providers.aws.clients import client_maker
    from runctl_auto.providers.aws.object_data.access import open_as_told
    from runctl_auto.providers.aws.object_data.access import open_bucket as open_on_aws
    from runctl_auto.providers.aws.object_data.variables import told_by_variables
    from runctl_auto.providers.aws.regions import home_region

    told = told_by_variables(os.environ, endpoint_url)
    if told is not None:
        return open_as_told(told, name)
    return open_on_aws(Cloud(client_maker(endpoint_url), home_region(os.environ)), name)


def engine_caller(endpoint_url: str | None, region: str | None) -> CallerIdentity:
    """The identity that the engine and its AWS provider have in this process's environment; one request.

    Raises ``CredentialsError`` when there is none.
    """
    return make_provider(endpoint_url, region, as_engine=True).caller()


def real_cloud(
    settings: Settings, folders: ProjectFolders, environ: Mapping[str, str], engine: Engine
) -> Environment:
    """AWS as the person's credentials reach it, driven by ``engine``.

    Raises ``CredentialsError`` when the named profile cannot be the identity of the engine too.
    """
    identity = choose_identity(settings.aws.profile, environ)
    backend = backend_of(settings, folders, environ)
    if backend == _own_backend(folders):
        folders.make_private("state")
    variables = {
        **_engine_variables(backend),
        **_passphrase_variables(settings, folders, environ),
        **identity.variables,
    }
    endpoint = settings.aws.endpoint_url or environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        variables["AWS_ENDPOINT_URL"] = endpoint
    return Environment(
        sandbox=False,
        engine=engine,
        backend=backend,
        secrets_provider=settings.engine.secrets_provider,
        variables=variables,
        removed=(*identity.removed, *_unused(settings, environ)),
        endpoint_url=endpoint,
        identity=identity,
    )


def backend_of(settings: Settings, folders: ProjectFolders, environ: Mapping[str, str]) -> str:
    """Where state of real clouds is kept: as the settings say, else as Pulumi's own variable does, else
    in the project folder. Makes nothing."""
    return settings.engine.backend or environ.get("PULUMI_BACKEND_URL") or _own_backend(folders)


def sandbox(
    folders: ProjectFolders,
    progress: Callable[[str], None],
    engine: Engine,
    start: StartSandbox | None = None,
    *,
    runpod: bool = False,
) -> Environment:
    """The sandbox of this project, driven by ``engine``; started when it is not running (a few seconds).

    ``runpod``: whether jobs may use RunPod, whose account is looked at then. ``start`` is
    ``sandbox.daemon.ensure_started`` by default. Raises ``SandboxError`` when the sandbox does not start, or
    the extra ``runctl[sandbox]`` is not installed.
    """
    from sandbox.daemon import ensure_started

    require_sandbox_extra()
    folders.make_private("sandbox")
    with _typed_sandbox_errors():
        endpoints = (start or ensure_started)(folders.sandbox, progress=progress)
    return _sandbox_environment(endpoints, engine, folders, runpod=runpod)


def stop_sandbox(folders: ProjectFolders) -> StopReport:
    """Stops the sandbox and erases its cloud. Idempotent."""
    from sandbox.daemon import stop

    with _typed_sandbox_errors():
        return stop(folders.sandbox)


def sandbox_status(folders: ProjectFolders) -> SandboxStatus:
    """What runs of the sandbox; starts nothing."""
    from sandbox.daemon import status

    return status(folders.sandbox)


def control_sandbox(
    folders: ProjectFolders,
    method: str,
    path: str,
    body: Mapping[str, object] | None = None,
    *,
    runpod: bool = False,
) -> dict[str, Any]:
    """One call of the control interface of the sandbox that runs: of its cloud, or of its RunPod.

    Raises ``SandboxError`` with the reason when it does not run, or refuses.
    """
    import sandbox.daemon

    try:
        return sandbox.daemon.control(folders.sandbox, method, path, body, runpod=runpod)
    except sandbox.daemon.SandboxError as error:
        raise SandboxError(
            f"{str(error)[:1].upper()}{str(error)[1:]}.", next_step="`runctl sandbox status` tells how it is."
        ) from error


@contextmanager
def _typed_sandbox_errors() -> Iterator[None]:
    import sandbox.daemon

    try:
        yield
    except sandbox.daemon.SandboxError as error:
        raise SandboxError(
            str(error), next_step="`runctl sandbox stop` ends what is left of it; then repeat."
        ) from error


def _sandbox_environment(
    endpoints: Endpoints, engine: Engine, folders: ProjectFolders, *, runpod: bool
) -> Environment:
    backend = Path(endpoints.state_folder).resolve().as_uri()
    nowhere = os.devnull
    variables = {
        **_engine_variables(backend),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(endpoints.passphrase_file),
        "PULUMI_DEBUG_PROVIDERS": f"aws:{endpoints.provider_port}",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(folders.sandbox / "pulumi-home"),
        "AWS_ENDPOINT_URL": endpoints.cloud_url,
        "AWS_ACCESS_KEY_ID": endpoints.access_key_id,
        "AWS_SECRET_ACCESS_KEY": endpoints.secret_access_key,
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CONTAINER_REGISTRY_ENDPOINT_URL": endpoints.registries_url,
        **(
            {KEY_OF_RUNPOD: endpoints.runpod_api_key, "RUNPOD_ENDPOINT_URL": endpoints.runpod_url}
            if runpod
            else {}
        ),
    }
    return Environment(
        sandbox=True,
        engine=engine,
        backend=backend,
        secrets_provider="passphrase",
        variables=variables,
        removed=_FOREIGN_VARIABLES,
        endpoint_url=endpoints.cloud_url,
        lost_jobs=tuple(endpoints.lost_jobs),
        isolation=endpoints.isolation,
    )


def _engine_variables(backend: str) -> dict[str, str]:
    return {
        "PULUMI_BACKEND_URL": backend,
        "PULUMI_PYTHON_CMD": sys.executable,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def _own_backend(folders: ProjectFolders) -> str:
    return (folders.private / "state").as_uri()


def _passphrase_variables(
    settings: Settings, folders: ProjectFolders, environ: Mapping[str, str]
) -> dict[str, str]:
    if settings.engine.passphrase_file is not None:
        file = folders.root / settings.engine.passphrase_file
        refuse_planted_passphrase(file)
        return {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}
    given = "PULUMI_CONFIG_PASSPHRASE" in environ or "PULUMI_CONFIG_PASSPHRASE_FILE" in environ
    if given or settings.engine.secrets_provider != "passphrase":
        return {}
    file = folders.make_private() / "passphrase"
    create_private(file, secrets.token_urlsafe(32))
    return {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}
