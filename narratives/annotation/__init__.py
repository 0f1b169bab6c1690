"""Serves annotators: the queue and its order, steps, review, roles, retraining."""
