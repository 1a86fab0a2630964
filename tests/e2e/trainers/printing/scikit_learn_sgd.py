"""scikit-learn's SGDClassifier with its own words."""

import numpy as np
from sklearn.linear_model import SGDClassifier

x = np.random.default_rng(0).normal(size=(64, 8))
SGDClassifier(random_state=0, verbose=1, max_iter=5, tol=None).fit(x, (x.sum(axis=1) > 0).astype(int))
