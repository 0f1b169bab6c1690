"""Training from a model that is known already: only what labels change about it is fitted."""
