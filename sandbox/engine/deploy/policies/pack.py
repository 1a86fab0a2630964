"""A policy pack: its own process, asked for every resource and for the whole stack."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import yaml
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict

from sandbox.engine.deploy.language.interpreters import interpreter
from sandbox.engine.deploy.policies.configuration import (
    Level,
    PolicyConfigError,
    PolicyInfo,
    Settings,
    read_config,
    reconciled,
)
from sandbox.engine.deploy.protocol import analyzer_pb2, analyzer_pb2_grpc
from sandbox.engine.deploy.request import OperationRequest
from sandbox.engine.deploy.server_process import ServerFailed, open_channel, start_server
from sandbox.engine.deploy.shutting_down import end_process

_LEVELS = (Level.ADVISORY, Level.MANDATORY, Level.DISABLED, Level.REMEDIATE)
_KINDS = ("", "resource", "stack")
SEVERITIES = ("", "low", "medium", "high", "critical")


class PolicyPackError(Exception):
    """A policy pack cannot be used; the message says which and why."""


class InvalidPolicyConfig(PolicyPackError):
    """A policy pack's configuration is against the policies' schemas; `problems` are to be shown."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("validating policy config")
        self.problems = problems


@dataclass(frozen=True)
class PackInfo:
    """What a pack tells of itself. `label` is its name in the summary event."""

    name: str
    version: str
    label: str
    policies: tuple[PolicyInfo, ...]


class PolicyPack:
    """A running policy pack."""

    def __init__(
        self,
        path: str,
        config: str | None,
        request: OperationRequest,
        engine_address: str,
        on_output: Callable[[str, str], None],
    ) -> None:
        folder = Path(path).absolute()
        project = _project(folder)
        python = interpreter(folder, _runtime_options(project, folder), request.environment)
        environment = dict(request.environment) | {
            "PULUMI_ORGANIZATION": request.organization,
            "PULUMI_PROJECT": request.project,
            "PULUMI_STACK": request.stack,
            "PULUMI_DRY_RUN": "true" if request.dry_run else "false",
        }
        if request.config:
            environment["PULUMI_CONFIG"] = json.dumps(dict(request.config))
        command = [python, "-u", "-m", "pulumi.policy", engine_address, "."]
        what = f'policy pack "{path}"'
        try:
            self._process, port = start_server(command, environment, folder, what, on_output)
        except ServerFailed as error:
            raise PolicyPackError(str(error)) from error
        self._channel = open_channel(f"127.0.0.1:{port}")
        self._stub = analyzer_pb2_grpc.AnalyzerStub(self._channel)
        try:
            self._greet(engine_address, folder, request)
            self.info = self._configured(str(project.get("version") or ""), path, config)
        except BaseException:
            self.close()
            raise

    def _greet(self, engine_address: str, folder: Path, request: OperationRequest) -> None:
        greeting = analyzer_pb2.AnalyzerHandshakeRequest(
            engine_address=engine_address, root_directory=str(folder), program_directory=str(folder)
        )
        stack = analyzer_pb2.AnalyzerStackConfigureRequest(
            stack=request.stack,
            project=request.project,
            organization=request.organization,
            dry_run=request.dry_run,
            config=dict(request.config),
            config_secret_keys=sorted(request.secret_keys),
        )
        for method, message in ((self._stub.Handshake, greeting), (self._stub.ConfigureStack, stack)):
            try:
                method(message, wait_for_ready=True, timeout=60)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                    raise PolicyPackError(str(error.details())) from error

    def _configured(self, version: str, path: str, config: str | None) -> PackInfo:
        raw = self._call(self._stub.GetAnalyzerInfo, empty_pb2.Empty())
        policies = sorted((_policy(p) for p in raw.policies), key=lambda p: p.name)
        info = PackInfo(
            raw.name, version or raw.version, f"{raw.name}|local|{_abbreviated(path)}", tuple(policies)
        )
        if not raw.supportsConfig:
            if config:
                raise PolicyPackError(f'policy pack "{raw.name}" at "{path}" does not support config')
            return info
        initial = {name: _own_settings(value) for name, value in raw.initialConfig.items()}
        try:
            given = read_config(Path(config)) if config else {}
        except PolicyConfigError as error:
            raise PolicyPackError(str(error)) from error
        try:
            settings = reconciled(policies, initial, given)
        except PolicyConfigError as error:
            raise InvalidPolicyConfig(
                [f"validating policy config: {raw.name} {info.version}  {x}" for x in str(error).splitlines()]
            ) from error
        self._call(self._stub.Configure, _configuration(settings))
        in_force = (replace(p, level=settings[p.name].level or p.level) for p in policies)
        return replace(info, policies=tuple(in_force))

    def remediate(self, request: Any) -> list[Any]:
        """The changes that the pack wants of a resource; (AnalyzeRequest -> Remediations)."""
        try:
            answer = self._stub.Remediate(request)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return []
            raise PolicyPackError(f"failed to run remediation: {error.details()}") from error
        return list(answer.remediations)

    def analyze(self, request: Any) -> Any:
        """The violations of a resource; (AnalyzeRequest -> AnalyzeResponse)."""
        try:
            return self._stub.Analyze(request)
        except grpc.RpcError as error:
            raise PolicyPackError(f"failed to run policy: {error.details()}") from error

    def analyze_stack(self, resources: Iterable[Any]) -> Any:
        """The violations of the whole stack; (AnalyzerResources -> AnalyzeResponse)."""
        request = analyzer_pb2.AnalyzeStackRequest(resources=resources)
        try:
            return self._stub.AnalyzeStack(request)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return analyzer_pb2.AnalyzeResponse()
            raise PolicyPackError(str(error.details())) from error

    def close(self) -> None:
        """Ends the pack's process."""
        with contextlib.suppress(grpc.RpcError, ValueError):
            self._channel.close()
        end_process(self._process)

    @staticmethod
    def _call(method: Callable[[Any], Any], request: Any) -> Any:
        try:
            return method(request)
        except grpc.RpcError as error:
            raise PolicyPackError(str(error.details())) from error


def level_of(number: int) -> Level:
    """An enforcement level from its number in the protocol."""
    return _LEVELS[number]


def _project(folder: Path) -> dict[str, Any]:
    path = folder / "PulumiPolicy.yaml"
    try:
        data = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise PolicyPackError(
            f'failed to load Pulumi policy project located at "{folder}": '
            f"open {path}: no such file or directory"
        ) from error
    except (OSError, yaml.YAMLError) as error:
        raise PolicyPackError(
            f'failed to load Pulumi policy project located at "{folder}": {error}'
        ) from error
    if not isinstance(data, dict):
        raise PolicyPackError(f'failed to load Pulumi policy project located at "{folder}": it is no map')
    return data


def _runtime_options(project: dict[str, Any], folder: Path) -> dict[str, Any]:
    runtime = project.get("runtime")
    options: dict[str, Any] = {}
    if isinstance(runtime, dict):
        options, runtime = dict(runtime.get("options") or {}), runtime.get("name")
    if runtime != "python":
        raise PolicyPackError(
            f"policy packs with runtime '{runtime}' are not supported, only python is: {folder}"
        )
    return options


def _policy(raw: Any) -> PolicyInfo:
    schema = MessageToDict(raw.configSchema.properties) if raw.HasField("configSchema") else {}
    return PolicyInfo(
        raw.name,
        level_of(raw.enforcementLevel),
        _KINDS[raw.policy_type],
        SEVERITIES[raw.severity],
        schema,
        tuple(raw.configSchema.required),
    )


def _own_settings(raw: Any) -> Settings:
    return Settings(level_of(raw.enforcementLevel), MessageToDict(raw.properties))


def _configuration(settings: dict[str, Settings]) -> Any:
    request = analyzer_pb2.ConfigureAnalyzerRequest()
    for name, one in settings.items():
        properties = struct_pb2.Struct()
        properties.update(dict(one.properties))
        request.policyConfig[name].enforcementLevel = _LEVELS.index(one.level or Level.ADVISORY)
        request.policyConfig[name].properties.CopyFrom(properties)
    return request


def _abbreviated(path: str) -> str:
    parts = path.rstrip("/").split("/")
    if len(path) > 75 and len(parts) > 4:
        return "/".join([*parts[:2], "...", *parts[-2:]])
    return path
