"""Trains one model on several machines with the standard library alone: each has a share of the samples, and
the sum of all gradients goes around after every step.

Every rank saves what it has after each step, in a folder of that step, and goes on from the newest step that
all ranks of that time have saved: there may be fewer or more ranks now. Told to leave, all leave after the
same step.
"""

import json
import math
import os
import random
import shutil
import signal
import socket
import struct
import sys
import time
from pathlib import Path

SAMPLES, FEATURES, RATE = 64, 4, 0.05
KEPT_STEPS = 4
CONNECT_SECONDS = 60


class Others:
    """The other ranks: rank 0 listens, the others connect to it."""

    def __init__(self, rank, ranks, address, port):
        self.rank, self.peers = rank, []
        if ranks == 1:
            return
        if rank == 0:
            with socket.create_server((address, port)) as server:
                server.settimeout(CONNECT_SECONDS)
                accepted = dict(self.introduced(server.accept()[0]) for _ in range(ranks - 1))
            self.peers = [accepted[each] for each in sorted(accepted)]
        else:
            self.peers = [self.connected(address, port)]
            self.peers[0].sendall(struct.pack("!I", rank))
        for peer in self.peers:
            peer.settimeout(None)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def introduced(self, peer):
        return struct.unpack("!I", exactly(peer, 4))[0], peer

    def connected(self, address, port):
        give_up = time.monotonic() + CONNECT_SECONDS
        while True:
            try:
                return socket.create_connection((address, port), timeout=5)
            except OSError:
                if time.monotonic() >= give_up:
                    raise
                time.sleep(0.1)

    def summed(self, numbers):
        """The sum over all ranks, added in the order of the ranks: the same on each, and in every run."""
        if not self.peers:
            return numbers
        shape = f"!{len(numbers)}d"
        if self.rank != 0:
            self.peers[0].sendall(struct.pack(shape, *numbers))
            return list(struct.unpack(shape, exactly(self.peers[0], struct.calcsize(shape))))
        total = list(numbers)
        for peer in self.peers:
            theirs = struct.unpack(shape, exactly(peer, struct.calcsize(shape)))
            total = [mine + other for mine, other in zip(total, theirs)]
        for peer in self.peers:
            peer.sendall(struct.pack(shape, *total))
        return total


def exactly(peer, count):
    data = b""
    while len(data) < count:
        piece = peer.recv(count - len(data))
        if not piece:
            sys.exit("another rank is gone")
        data += piece
    return data


def samples(seed):
    numbers = random.Random(seed)
    truth = [numbers.uniform(-2, 2) for _ in range(FEATURES)]
    found = []
    for _ in range(SAMPLES):
        row = [numbers.gauss(0, 1) for _ in range(FEATURES)]
        found.append((row, sum(w * x for w, x in zip(truth, row)) + numbers.gauss(0, 0.01)))
    return found


def gradient(weights, share):
    """The sums over a share of the samples: of the gradient, and of the squared errors."""
    slope, loss = [0.0] * FEATURES, 0.0
    for row, target in share:
        error = sum(w * x for w, x in zip(weights, row)) - target
        loss += error * error
        slope = [each + error * x for each, x in zip(slope, row)]
    return slope, loss


def newest_saved(folder):
    """The newest step that all ranks that took part have saved, and its state; None without one."""
    for place in sorted(folder.glob("step-*"), reverse=True):
        states = [json.loads(each.read_text()) for each in sorted(place.glob("*.json"))]
        if states and len(states) == states[0]["ranks"]:
            return place, states[0]  # all ranks have the same weights
    return None


def save(folder, rank, ranks, step, weights):
    place = folder / f"step-{step:06d}"
    place.mkdir(parents=True, exist_ok=True)
    part = place / f".{rank}.part"
    part.write_text(json.dumps({"step": step, "ranks": ranks, "weights": weights}))
    part.replace(place / f"{rank}.json")
    for old in sorted(folder.glob("step-*"))[:-KEPT_STEPS]:
        shutil.rmtree(old, ignore_errors=True)


def main():
    rank, ranks = int(os.environ["RUNCTL_NODE_RANK"]), int(os.environ["RUNCTL_NUM_NODES"])
    steps, step_seconds = int(os.environ.get("STEPS", "20")), float(os.environ.get("STEP_SECONDS", "0.2"))
    folder = Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
    leaving = []
    signal.signal(signal.SIGTERM, lambda *_: leaving.append(1.0))
    step, weights = 0, [0.0] * FEATURES
    found = newest_saved(folder)
    if found:
        step, weights = found[1]["step"], found[1]["weights"]
        for later in folder.glob("step-*"):
            if later > found[0]:
                shutil.rmtree(later)
    others = Others(rank, ranks, os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    print(f"rank {rank} of {ranks} starts at step {step}", flush=True)
    share = samples(int(os.environ.get("SEED", "1")))[rank::ranks]
    loss = math.nan
    while step < steps:
        time.sleep(step_seconds)
        slope, own_loss = gradient(weights, share)
        *total, loss, told = others.summed([*slope, own_loss, 1.0 if leaving else 0.0])
        weights = [w - RATE * each / SAMPLES for w, each in zip(weights, total)]
        step += 1
        save(folder, rank, ranks, step, weights)
        print(f"step {step} of {steps}: loss {loss / SAMPLES:.6f}", flush=True)
        if told:
            print("told to leave", flush=True)
            sys.exit(143)
    if rank == 0:
        Path("model").mkdir(exist_ok=True)
        result = {"steps": step, "ranks": ranks, "weights": [each.hex() for each in weights]}
        Path("model/metrics.json").write_text(json.dumps(result) + "\n")
    print("done", flush=True)


if __name__ == "__main__":
    main()
