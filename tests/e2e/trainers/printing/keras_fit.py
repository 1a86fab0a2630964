"""Keras on torch, with its own bar."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np

keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(640, 8))
model = keras.Sequential(
    [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2, activation="softmax")]
)
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, (x.sum(axis=1) > 0).astype(int), batch_size=20, epochs=2, validation_split=0.25)
