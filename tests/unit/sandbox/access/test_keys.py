import json
import stat
from pathlib import Path

import pytest

from sandbox.access.keys import CloudKeys, keys_file, load_keys, new_keys, save_keys


def test_keys_are_random_and_shaped_like_those_of_aws() -> None:
    made = [new_keys() for _ in range(50)]
    assert len({keys.access_key_id for keys in made}) == len({keys.secret_access_key for keys in made}) == 50
    assert len({keys.control_token for keys in made}) == 50
    assert all(keys.access_key_id.startswith("AKIA") and len(keys.access_key_id) == 20 for keys in made)
    assert all(len(keys.secret_access_key) == 40 and len(keys.control_token) >= 40 for keys in made)


def test_they_are_kept_in_a_file_for_the_owner_only(tmp_path: Path) -> None:
    keys = new_keys()
    save_keys(keys_file(tmp_path), keys)
    assert stat.S_IMODE(keys_file(tmp_path).stat().st_mode) == 0o600
    assert load_keys(keys_file(tmp_path)) == keys
    with pytest.raises(FileExistsError):
        save_keys(keys_file(tmp_path), new_keys())


def test_a_link_in_the_files_place_is_not_followed(tmp_path: Path) -> None:
    keys_file(tmp_path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        save_keys(keys_file(tmp_path), new_keys())
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("text", ["[]", "{}", json.dumps({"access_key_id": "a"})])
def test_a_file_without_keys_is_told(tmp_path: Path, text: str) -> None:
    keys_file(tmp_path).write_text(text)
    with pytest.raises(ValueError, match="holds no keys"):
        load_keys(keys_file(tmp_path))


def test_secrets_are_not_printed() -> None:
    keys = CloudKeys("AKIA", "the-secret", "the-token")
    assert "the-" not in repr(keys)
