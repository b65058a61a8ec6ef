"""Makes data.pt from the copy of the UCI handwritten digits that the scikit-learn package ships.

Run once by a maintainer who has scikit-learn installed; the result is committed, so that the demo needs neither
scikit-learn nor a network:  python make_data.py
"""

import pathlib

from sklearn.datasets import load_digits

import rustorch as rt

digits = load_digits()
images = rt.tensor(digits.images.astype("uint8"))  # [1797, 8, 8], grey levels 0..16
labels = rt.tensor(digits.target.astype("uint8"))  # [1797], 0..9
rt.save({"images": images, "labels": labels}, pathlib.Path(__file__).with_name("data.pt"))
