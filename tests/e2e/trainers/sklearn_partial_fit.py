"""scikit-learn: one partial_fit a step, the model dumped with joblib."""

import os
import time
from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import SGDClassifier

STEPS, EVERY = int(os.environ["STEPS"]), int(os.environ["EVERY"])
folder = Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
folder.mkdir(parents=True, exist_ok=True)
saved = folder / "model.joblib"

model, step = SGDClassifier(random_state=0), 0
if saved.exists():
    model, step = joblib.load(saved)
print("begins at", step, flush=True)
pause = 0.05 if step else 1.0  # leaves time to interrupt the first start
while step < STEPS:
    random = np.random.default_rng(step)
    x = random.normal(size=(64, 8))
    model.partial_fit(x, (x.sum(axis=1) > 0).astype(int), classes=[0, 1])
    step += 1
    time.sleep(pause)
    print("step", step, flush=True)
    if step % EVERY == 0 or step == STEPS:
        joblib.dump((model, step), folder / "model.tmp")
        (folder / "model.tmp").replace(saved)
print("ended at", step, flush=True)
