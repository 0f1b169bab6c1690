"""Prediction: from a text to frames, voices and evidence. Loads no training code and no scikit-learn."""
