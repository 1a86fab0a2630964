"""Trains a small neural network on scikit-learn's handwritten digits.

Shows what runctl asks of a training script: resume from RUNCTL_CHECKPOINT_DIR, save there with an
atomic rename, save and exit on SIGTERM, write the result to the artifacts of the job file.
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

SIDE = 8
CLASSES = np.arange(10)


def shifted(images, rows, columns):
    """The images shifted by whole pixels; pixels shifted out are dropped."""
    moved = np.zeros_like(images)
    target = (slice(max(rows, 0), SIDE + min(rows, 0)), slice(max(columns, 0), SIDE + min(columns, 0)))
    source = (slice(max(-rows, 0), SIDE + min(-rows, 0)), slice(max(-columns, 0), SIDE + min(-columns, 0)))
    moved[(slice(None), *target)] = images[(slice(None), *source)]
    return moved


def load(seed):
    """Training data (each digit also shifted by a pixel in all eight directions) and test data."""
    digits = load_digits()
    images = digits.images / 16.0
    train, test, train_labels, test_labels = train_test_split(
        images, digits.target, test_size=0.25, random_state=seed, stratify=digits.target
    )
    moves = [(rows, columns) for rows in (0, 1, -1) for columns in (0, 1, -1)]
    grown = np.concatenate([shifted(train, rows, columns) for rows, columns in moves])
    labels = np.tile(train_labels, len(moves))
    return grown.reshape(len(grown), -1), labels, test.reshape(len(test), -1), test_labels


def restore(path, seed):
    """The saved model and its number of epochs, or a new one."""
    if path.exists():
        saved = joblib.load(path)
        return saved["model"], saved["epochs"]
    return MLPClassifier(hidden_layer_sizes=(256, 128), learning_rate_init=0.001, random_state=seed), 0


def save(path, model, epochs):
    """Writes atomically: to a temporary file, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    joblib.dump({"model": model, "epochs": epochs}, part)
    part.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40)
    wanted = parser.parse_args().epochs
    seed = int(os.environ.get("SEED", "1"))
    checkpoint = Path(os.environ.get("RUNCTL_CHECKPOINT_DIR", "checkpoints")) / "state.joblib"
    told_to_leave = []
    signal.signal(signal.SIGTERM, lambda *_: told_to_leave.append(True))

    features, labels, test_features, test_labels = load(seed)
    model, done = restore(checkpoint, seed)
    print(f"{len(features)} images to train on, {len(test_features)} to test; going on from epoch {done}")
    for epoch in range(done + 1, wanted + 1):
        started = time.monotonic()
        order = np.random.default_rng([seed, epoch]).permutation(len(features))
        model.partial_fit(features[order], labels[order], classes=CLASSES)
        accuracy = accuracy_score(test_labels, model.predict(test_features))
        save(checkpoint, model, epoch)
        seconds = time.monotonic() - started
        print(f"epoch {epoch}/{wanted} loss {model.loss_:.4f} accuracy {accuracy:.4f} ({seconds:.2f} s)")
        if told_to_leave:
            print(f"told to leave; saved after epoch {epoch}")
            sys.exit(143)

    accuracy = accuracy_score(test_labels, model.predict(test_features))
    folder = Path("model")
    folder.mkdir(exist_ok=True)
    joblib.dump(model, folder / "model.joblib")
    metrics = {"accuracy": round(float(accuracy), 4), "epochs": wanted, "test_images": len(test_features)}
    (folder / "metrics.json").write_text(json.dumps(metrics) + "\n")
    print(f"accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
