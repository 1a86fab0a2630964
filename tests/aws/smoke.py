"""Runs one small job on a real AWS account and prints, line by line, what that proves.

    .venv/bin/python tests/aws/smoke.py --region us-east-1 [--profile NAME]

Costs a few cents and takes at most 15 minutes. Interrupting the machine by the fault injection service costs
0.10 USD per minute of its action, of which there are one or two (aws.amazon.com/fis/pricing);
`--no-fault-injection` terminates the machine instead.

Everything is removed at the end, also after a failure, Ctrl-C or SIGTERM; what a killed run left is removed
by the next one. The credentials must permit: the policy of `runctl permissions --role sweep`, managing the
roles `smoke-runctl-*` and assuming them, and the experiments of FIS. The run itself has only the policy of
`runctl permissions --role apply`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws.proof.account import CLOUD_ERRORS, Account, in_words
from aws.proof.commands import Commands
from aws.proof.course import Deadline, follow
from aws.proof.life import SETTINGS, Life
from aws.proof.report import Report

ALL_SECONDS, CLEAN_UP_SECONDS = 15 * 60.0, 4 * 60.0
FOLDER = Path(__file__).resolve().parents[2] / ".runctl" / "aws-smoke"


def main() -> int:
    options = _options()
    report = Report(lambda line: print(line, flush=True))
    try:
        account = Account.of(options.region, options.profile)
    except CLOUD_ERRORS as error:
        report.say(f"There are no usable credentials: {in_words(error)}")
        return 1
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        report.say(f"AWS_ENDPOINT_URL is {endpoint}: what follows proves nothing about AWS.")
    report.say(f"account {account.id}, {account.region}, as {account.caller}")
    folder = options.folder.resolve()
    (folder / ".runctl").mkdir(parents=True, exist_ok=True, mode=0o700)
    profile = {"AWS_PROFILE": options.profile} if options.profile else {}
    begun = time.monotonic()
    life = Life(
        account,
        Commands(folder, {**SETTINGS, "AWS_REGION": options.region, **profile}),
        report,
        deadline=Deadline.after(options.seconds - CLEAN_UP_SECONDS, time.monotonic),
        clean_up_deadline=Deadline.after(options.seconds + CLEAN_UP_SECONDS, time.monotonic),
        pause=options.pause,
        inject_faults=options.fault_injection,
    )
    code = follow(life.steps(), life.clean_ups(), life.left, report)
    report.say(f"{time.monotonic() - begun:.0f} s")
    return code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Proves what only AWS can show.", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--region", default=os.environ.get("AWS_REGION", "us-east-1"))
    parser.add_argument("--profile", default=os.environ.get("AWS_PROFILE"))
    parser.add_argument(
        "--no-fault-injection", dest="fault_injection", action="store_false", help="save 0.20 USD"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the project folder of the run")
    parser.add_argument("--pause", type=float, default=5.0, help="seconds between two looks")
    parser.add_argument("--seconds", type=float, default=ALL_SECONDS, help="the longest run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
