"""Trains models from labels. Besides evaluation, the only package that loads scikit-learn."""
