"""The work of annotators: the queue, its order, steps, review, roles, retraining."""
