"""Services, timers and power of a host, as systemd and EC2 do it."""

import pytest

pytestmark = pytest.mark.sandbox

UNIT = """
cat > $ROOT/etc/systemd/system/work.service <<END
[Unit]
Description=work
After=network-online.target
Wants=network-online.target
[Service]
ExecStart=/usr/bin/env bash $ROOT/root/work.sh
Restart=on-failure
RestartSec=50ms
TimeoutStopSec=5
KillMode=mixed
Environment="GREETING=hello world"
[Install]
WantedBy=multi-user.target
END
"""


def test_service_restarts_after_failure_and_stops_on_success(machine, waiting):
    ran = machine(
        UNIT
        + r"""
cat > $ROOT/root/work.sh <<'END'
echo "run: $GREETING"
echo x >> $HOME/runs
[ $(wc -l < $HOME/runs) -ge 3 ] || exit 7
END
systemctl daemon-reload && systemctl enable --now work.service; systemctl is-enabled work > $ROOT/root/result
"""
    )
    assert ran.result == "enabled\n"
    journal = ran.root / "var/log/journal/work.service.log"
    waiting(lambda: "deactivated" in journal.read_text())
    assert journal.read_text().count("run: hello world") == 3
    assert "status=7" in journal.read_text()


def test_stop_lets_the_service_save(machine):
    ran = machine(
        UNIT
        + r"""
cat > $ROOT/root/work.sh <<'END'
trap 'echo saved > $HOME/saved; exit 0' TERM
touch $HOME/ready
while :; do sleep 0.05; done
END
systemctl start work
until [ -e $ROOT/root/ready ]; do sleep 0.02; done
systemctl is-active work > $ROOT/root/result
systemctl stop work
systemctl is-active work >> $ROOT/root/result
systemctl show -p Result,ActiveState work >> $ROOT/root/result
"""
    )
    assert ran.result == "active\ninactive\nResult=success\nActiveState=inactive\n"
    assert (ran.root / "root/saved").exists()


def test_terminate_stops_services_in_order_before_the_end(machine, cloud, hosts, waiting):
    ran = machine(
        UNIT
        + r"""
cat > $ROOT/root/work.sh <<'END'
trap 'sleep 0.3; echo saved the checkpoint; exit 0' TERM
touch $HOME/ready
while :; do sleep 0.05; done
END
systemctl enable --now work
until [ -e $ROOT/root/ready ]; do sleep 0.02; done
"""
    )
    cloud.change(ran.name, state="shutting-down")
    cloud.await_state(ran.name, "terminated")
    waiting(lambda: "saved the checkpoint" in hosts.console(ran.name))
    waiting(lambda: not ran.root.exists())


def test_stopped_machine_starts_its_enabled_services_again_without_user_data(machine, cloud, waiting):
    ran = machine(
        UNIT
        + r"""
echo user-data >> $ROOT/root/boots
echo 'echo service >> $HOME/boots' > $ROOT/root/work.sh
systemctl enable work
mkdir -p $ROOT/data-of-root
touch $ROOT/tmp/gone
"""
    )
    boots = ran.root / "root/boots"
    cloud.change(ran.name, state="stopping")
    cloud.await_state(ran.name, "stopped")
    cloud.change(ran.name, state="pending", boot=2)
    cloud.change(ran.name, state="running")
    waiting(lambda: boots.read_text() == "user-data\nservice\n")
    assert (ran.root / "data-of-root").is_dir()
    assert not (ran.root / "tmp/gone").exists()


def test_reboot_keeps_the_instance_running(machine, cloud, waiting):
    ran = machine(
        UNIT
        + r"""
echo 'echo started >> $HOME/starts' > $ROOT/root/work.sh
systemctl enable work
touch $ROOT/root/done
reboot
sleep 60
"""
    )
    starts = ran.root / "root/starts"
    waiting(lambda: starts.exists() and starts.read_text() == "started\n")
    assert cloud.instances[ran.name]["state"] == "running"
    assert cloud.ended == []


def test_timer_ends_the_machine_at_an_absolute_time(machine, cloud):
    """A time that has passed before the timer is enabled never comes, so a slow machine gets a later one."""
    ran = machine(
        r"""
cat > $ROOT/etc/systemd/system/deadline.service <<END
[Service]
Type=oneshot
ExecStart=/usr/bin/env shutdown -h now
END
touch $ROOT/root/done
for seconds in 2 20 60; do
  at=$(($(date +%s) + seconds))
  cat > $ROOT/etc/systemd/system/deadline.timer <<END
[Timer]
OnCalendar=$(date -u -d "@$at" '+%Y-%m-%d %H:%M:%S UTC')
AccuracySec=1s
Persistent=true
[Install]
WantedBy=timers.target
END
  systemctl enable --now deadline.timer && systemctl is-active deadline.timer
  [ $(date +%s) -lt $at ] && break
  systemctl disable --now deadline.timer
done
"""
    )
    cloud.await_state(ran.name, "terminated")


def test_what_is_not_supported_is_refused_by_name(machine):
    ran = machine(
        r"""
echo -e '[Service]\nExecStart=true\nDynamicUser=yes' > $ROOT/etc/systemd/system/odd.service
exec 2> $ROOT/root/result
systemctl start odd; echo $? >&2
systemctl isolate x; echo $? >&2
mount -t tmpfs none /mnt; echo $? >&2
apt-get install -y bash no-such-package-here; echo $? >&2
systemd-run true; echo $? >&2
"""
    )
    assert "DynamicUser= in [Service] is not supported" in ran.result
    assert "'isolate' is not supported" in ran.result
    assert "'tmpfs' is not supported" in ran.result
    assert "would install no-such-package-here" in ran.result
    assert "'systemd-run' is not supported" in ran.result
    assert [line for line in ran.result.splitlines() if line.isdigit()] == ["5", "1", "1", "100", "1"]
