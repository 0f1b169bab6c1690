"""The compiled scorer: says what the classifier says, some fifty times as fast."""
