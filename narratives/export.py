"""Keeps joblib exports of version 0.1 readable: they name their classes by the module paths of that version."""

import sys

from narratives import codebook, model
from narratives.codebook.frames import Codebook, Example, Frame, Retired
from narratives.model import classifier, features, frame_model, voice_model
from narratives.training.joblib_export import FrameScores, TextRows

__all__ = ["FrameScores", "TextRows"]

# A pickle names the module of each class, and this module first, so it is imported before the others are looked up.
sys.modules |= {
    "narratives.classifier": classifier,
    "narratives.features": features,
    "narratives.voice": voice_model,
}
model.FrameModel = frame_model.FrameModel  # type: ignore[attr-defined]
for moved in (Codebook, Example, Frame, Retired):
    setattr(codebook, moved.__name__, moved)
