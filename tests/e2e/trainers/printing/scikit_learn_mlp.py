"""scikit-learn's MLPClassifier with its own words."""

import numpy as np
from sklearn.neural_network import MLPClassifier

x = np.random.default_rng(0).normal(size=(400, 8))
model = MLPClassifier(
    (8,), random_state=0, verbose=True, max_iter=40, early_stopping=True, n_iter_no_change=3
)
model.fit(x, (x.sum(axis=1) > 0).astype(int))
