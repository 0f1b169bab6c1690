"""From labels to a model folder. The only package, with evaluation, that loads scikit-learn."""
