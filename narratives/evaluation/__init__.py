"""Predictions against gold, annotators against each other: metrics, intervals, reports."""
