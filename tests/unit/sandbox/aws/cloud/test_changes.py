import threading

from sandbox.aws.cloud.changes import Changes


def test_waiting_ends_with_the_next_change() -> None:
    changes = Changes()
    seen: list[int] = []
    known = changes.version
    waiter = threading.Thread(target=lambda: seen.append(changes.wait(known, 30)))
    waiter.start()
    changes.bump()
    waiter.join(10)
    assert seen == [known + 1]


def test_a_known_version_waits_no_longer_than_told() -> None:
    changes = Changes()
    assert changes.wait(changes.version, 0) == changes.version


def test_another_version_does_not_wait() -> None:
    changes = Changes()
    assert changes.wait(changes.version + 7, 3600) == changes.version
