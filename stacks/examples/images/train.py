"""Trains a small neural network on images that come from a bucket, and can be interrupted at any step.

The checkpoint holds the loader's state beside the weights: after an interruption the epoch goes on with the
images that were not seen yet, and none is seen twice.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
from loader import Loader

PIXELS, HIDDEN, CLASSES = 64, 64, 10
SAVE_EVERY = 20
TEST_EVERY = 5  # one image of five is for the test


def decode(name, content):
    """The pixels, the digit (the name of the folder), and whether the image is for the test."""
    header, pixels = content.split(b"\n", 1)
    if header != b"P5 8 8 16":
        raise ValueError(f"{name} is another kind of image")
    folder, file = name.split("/")
    image = np.frombuffer(pixels, dtype=np.uint8).astype(np.float32) / 16
    return image, int(folder), int(file[:4]) % TEST_EVERY == 0


def collate(samples):
    images, labels, is_test = zip(*samples, strict=True)
    return np.stack(images), np.array(labels), np.array(is_test)


class Network:
    """Two layers, trained by gradient descent with momentum."""

    def __init__(self, seed):
        dice = np.random.default_rng(seed)
        self.weights = [
            dice.normal(0, 0.1, (PIXELS, HIDDEN)).astype(np.float32),
            np.zeros(HIDDEN, np.float32),
            dice.normal(0, 0.1, (HIDDEN, CLASSES)).astype(np.float32),
            np.zeros(CLASSES, np.float32),
        ]
        self.momentum = [np.zeros_like(each) for each in self.weights]

    def scores(self, images):
        hidden = np.maximum(images @ self.weights[0] + self.weights[1], 0)
        return hidden, hidden @ self.weights[2] + self.weights[3]

    def train(self, images, labels, rate=0.05):
        hidden, scores = self.scores(images)
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        loss = -np.log(chances[np.arange(len(labels)), labels] + 1e-9).mean()
        chances[np.arange(len(labels)), labels] -= 1
        chances /= len(labels)
        back = (chances @ self.weights[2].T) * (hidden > 0)
        slopes = [images.T @ back, back.sum(axis=0), hidden.T @ chances, chances.sum(axis=0)]
        for number, slope in enumerate(slopes):
            self.momentum[number] = 0.9 * self.momentum[number] - rate * slope
            self.weights[number] = self.weights[number] + self.momentum[number]
        return loss


def save(path, network, loader, seen):
    """Writes atomically: to a temporary file, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as out:
        np.savez(
            out,
            *network.weights,
            *network.momentum,
            loader=json.dumps(loader.state_dict()),
            seen=np.array(seen, dtype=np.int64),
        )
    part.replace(path)


def restore(path, network, loader):
    if not path.exists():
        return []
    with np.load(path) as saved:
        arrays = [saved[f"arr_{number}"] for number in range(2 * len(network.weights))]
        network.weights, network.momentum = arrays[: len(arrays) // 2], arrays[len(arrays) // 2 :]
        loader.load_state_dict(json.loads(str(saved["loader"])))
        return saved["seen"].tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    epochs = parser.parse_args().epochs
    seed = int(os.environ.get("SEED", "1"))
    checkpoint = Path(os.environ.get("RUNCTL_CHECKPOINT_DIR", "checkpoints")) / "state.npz"
    told_to_leave = []
    signal.signal(signal.SIGTERM, lambda *_: told_to_leave.append(True))

    network, loader = Network(seed), Loader(batch_size=32, seed=seed, decode=decode, collate=collate)
    seen = restore(checkpoint, network, loader)
    print(f"{len(loader.samples)} images; begins at epoch {loader.epoch + 1}, image {loader.position}")
    step = 0
    while loader.epoch < epochs:
        epoch, right, tested, losses = loader.epoch, 0, 0, []
        for images, labels, is_test in loader:
            losses.append(network.train(images[~is_test], labels[~is_test]))
            right += int((network.scores(images[is_test])[1].argmax(axis=1) == labels[is_test]).sum())
            tested += int(is_test.sum())
            seen += [0] * (epoch + 1 - len(seen))
            seen[epoch] += len(labels)
            step += 1
            if step % SAVE_EVERY == 0 or told_to_leave:
                save(checkpoint, network, loader, seen)
            if told_to_leave:
                print(f"told to leave; saved in epoch {epoch + 1} after {seen[epoch]} images")
                sys.exit(143)
        accuracy = right / max(1, tested)
        told = f"loss {np.mean(losses):.4f} accuracy {accuracy:.4f} images {seen[epoch]}"
        print(f"epoch {epoch + 1}/{epochs} {told}")

    folder = Path("model")
    folder.mkdir(exist_ok=True)
    np.savez(folder / "model.npz", *network.weights)
    metrics = {"accuracy": round(accuracy, 4), "epochs": epochs, "images_by_epoch": seen}
    (folder / "metrics.json").write_text(json.dumps(metrics) + "\n")
    print(f"accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
