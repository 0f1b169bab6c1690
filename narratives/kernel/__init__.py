"""The compiled scorer: makes the classifier's predictions, much faster."""
