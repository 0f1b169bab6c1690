"""Trains models from labels. The only package that loads scikit-learn."""
