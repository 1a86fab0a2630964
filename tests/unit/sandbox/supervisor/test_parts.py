from pathlib import Path

from sandbox.supervisor.supervisor import assets_folder


def test_assets_lie_in_the_packages_folder_beside_the_sandbox() -> None:
    assert assets_folder(Path("/p/.runctl/sandbox")) == Path("/p/.runctl/packages")
