"""Predicts frames, voices and evidence of a text. Imports no training code and no scikit-learn."""
