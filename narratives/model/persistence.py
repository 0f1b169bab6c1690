"""Saves and loads model folders, in formats that cannot run code when they are read."""

import gzip
import hashlib
import json
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narratives import paths
from narratives.codebook.frames import VOICES, Codebook, Example, Frame, Retired
from narratives.errors import UserError
from narratives.files import atomic_write, atomic_write_text
from narratives.model.classifier import Classifier
from narratives.model.features import Features
from narratives.model.frame_model import FrameModel, as_bytes, from_bytes
from narratives.model.voice_model import VoiceModel

FORMAT = 3
_WEIGHTS, _VOCABULARY, _CODEBOOK, _CARD = "weights.npz", "vocabulary.json.gz", "codebook.json", "card.md"
_FILES = (_WEIGHTS, _VOCABULARY, _CODEBOOK, _CARD)
_TRAINED_ON = "trained_on.npy"  # only models from which others are trained have it


class ModelFormatError(UserError):
    """The model has a format that this version does not read."""


def save(
    classifier: Classifier,
    folder: Path,
    made_from: dict[str, Any],
    card: str,
    trained_on: NDArray[np.uint64] | None = None,
) -> str:
    """Write a model folder and return its content hash (SHA-256, hexadecimal).

    ``made_from`` is added to the manifest and ``card`` is the model card in Markdown. Weights are stored as bytes, to
    which those of a fitted or loaded classifier are rounded already. The same classifier gives the same bytes.
    ``trained_on`` are the fingerprints of the labels (n × 2), for a model from which others are to be trained.

    Raises UserError if the folder exists and is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} exists already and is not empty; name another with -o or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / _WEIGHTS) as file:
        np.savez_compressed(file, **_arrays(classifier))  # type: ignore[arg-type]
    terms = {"words": classifier.features.word_terms, "characters": classifier.features.character_terms}
    with atomic_write(folder / _VOCABULARY) as file:
        # Without a time in it, so that the same terms give the same bytes.
        file.write(gzip.compress(json.dumps(terms, ensure_ascii=False).encode("utf-8"), mtime=0))
    _write_json(folder / _CODEBOOK, asdict(classifier.codebook))
    atomic_write_text(folder / _CARD, card)
    if trained_on is not None:
        with atomic_write(folder / _TRAINED_ON) as file:
            np.save(file, trained_on[np.lexsort(trained_on.T)])
    names = _FILES if trained_on is None else (*_FILES, _TRAINED_ON)
    hashes = {name: _sha256(folder / name) for name in names}
    _write_json(folder / "manifest.json", {"format": FORMAT, "files": hashes, **made_from})
    return _content_hash(hashes)


def load(folder: Path) -> Classifier:
    """Load a model folder. Raises UserError if it has another format, was changed, is incomplete or holds a pickle."""
    manifest = read_manifest(folder)
    _check_files(folder, manifest)
    arrays = _read_arrays(folder / _WEIGHTS)
    try:
        return _assemble(folder, manifest, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder}: the parts of the model do not fit together ({error}); train it again") from None


def read_trained_on(folder: Path) -> NDArray[np.uint64] | None:
    """Return the fingerprints of the labels that a model was trained on (n × 2), None if it does not keep them.

    Raises UserError if the file is damaged.
    """
    path = folder / _TRAINED_ON
    if not path.exists():
        return None
    try:
        known: NDArray[np.uint64] = np.load(path, allow_pickle=False).astype(np.uint64).reshape(-1, 2)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: not plain numbers ({error}); do not use this model, train it again") from None
    return known


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a model folder.

    Raises UserError if there is none, and ModelFormatError if it has another format.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{folder}: there is no model here (no manifest.json); train one or name another") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid JSON ({error}); the model is damaged, train it again") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        version = manifest.get("format") if isinstance(manifest, dict) else None
        raise ModelFormatError(
            f"{folder}: model format {version}, this version reads format {FORMAT}; train the model again"
        )
    return manifest


def read_frame_ids(folder: Path) -> tuple[str, ...]:
    """Return the ids of a model's frames without loading the model. Raises UserError if they cannot be read."""
    path = folder / _CODEBOOK
    try:
        return tuple(frame["id"] for frame in json.loads(path.read_text(encoding="utf-8"))["frames"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the codebook of a model ({error}); install or train the model again") from None


def model_name(folder: Path, manifest: dict[str, Any]) -> str:
    """Return ``name@hash``: the model's name and the first 12 hex digits of the content hash."""
    return f"{paths.model_folder_name(folder.resolve())}@{_content_hash(manifest['files'])[:12]}"


def _arrays(classifier: Classifier) -> dict[str, NDArray[Any]]:
    weights, exponents = as_bytes(classifier.frame_model.weights)
    parts: dict[str, NDArray[Any]] = {
        "idf": classifier.features.idf,
        "unknown_idf": np.array(classifier.features.unknown_idf),
        "weights": weights,
        "exponents": exponents,
        "bias": classifier.frame_model.bias,
        "sigmoids": classifier.sigmoids,
        "thresholds": classifier.thresholds,
        "band": classifier.band,
        "languages": np.array(classifier.languages, dtype="U8"),
        "word_shares": np.array(classifier.word_shares),
    }
    if classifier.voice_model is not None:
        parts["voice_rows"], parts["voice_exponents"] = as_bytes(classifier.voice_model.row_weights)
        parts["voice_signs"] = classifier.voice_model.sign_weights
        parts["voice_bias"] = classifier.voice_model.bias
        parts["voice_prior"] = classifier.voice_model.prior
        parts["voice_settled"] = classifier.voice_model.settled
    return parts


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, OSError, zipfile.BadZipFile, AttributeError) as error:
        raise UserError(f"{path}: not plain arrays ({error}); do not use this model, train it again") from None


def _check_files(folder: Path, manifest: dict[str, Any]) -> None:
    hashes = manifest.get("files")
    if not isinstance(hashes, dict) or set(hashes) - {_TRAINED_ON} != set(_FILES):
        raise UserError(f"{folder}: the manifest does not list {', '.join(_FILES)}; train the model again")
    # A file that no hash covers may come from somebody else, and may be meant for a reader that runs code.
    extra = next((path.name for path in folder.iterdir() if path.name not in (*hashes, "manifest.json")), None)
    if extra:
        raise UserError(f"{folder}: '{extra}' is not part of a model; remove it if you trust the rest")
    for name in sorted(hashes):
        if not (folder / name).exists():
            raise UserError(f"{folder}: {name} is missing; train the model again")
        if _sha256(folder / name) != hashes[name]:
            raise UserError(
                f"{folder}: {name} is not what the manifest says; it was changed or damaged, train the model again"
            )


def _assemble(folder: Path, manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Classifier:
    terms = _read_terms(folder / _VOCABULARY)
    codebook = _codebook(json.loads((folder / _CODEBOOK).read_text(encoding="utf-8")))
    features = Features(tuple(terms["words"]), tuple(terms["characters"]), arrays["idf"], float(arrays["unknown_idf"]))
    if arrays["sigmoids"].shape == (len(codebook.ids), 2):  # older models do not flatten
        arrays = arrays | {"sigmoids": np.column_stack([arrays["sigmoids"], np.ones(len(codebook.ids))])}
    # Hashes do not protect from a folder made on purpose: a wrong shape would be an IndexError later, or wrong scores.
    frames = len(codebook.ids)
    expected = {"idf": (features.size,), "unknown_idf": (), "weights": (features.size, frames), "bias": (frames,)}
    expected |= {"sigmoids": (frames, 3), "thresholds": (frames,), "band": (frames, 2), "exponents": (features.size,)}
    if "voice_rows" in arrays:
        expected |= {"voice_rows": (features.size, len(VOICES)), "voice_exponents": (features.size,)}
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has shape {arrays[name].shape}, not {shape}")
    return Classifier(
        codebook,
        features,
        FrameModel(from_bytes(arrays["weights"], arrays["exponents"]), arrays["bias"]),
        arrays["sigmoids"],
        arrays["thresholds"],
        arrays["band"],
        _voice_model(arrays),
        name=model_name(folder, manifest),
        # Older models have none of these.
        **{name: tuple(arrays[name].tolist()) for name in ("word_shares", "languages") if name in arrays},
    )


def _read_terms(path: Path) -> dict[str, list[str]]:
    try:
        terms: dict[str, list[str]] = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a compressed vocabulary ({error}); train the model again") from None
    return terms


def _voice_model(arrays: dict[str, NDArray[Any]]) -> VoiceModel | None:
    if "voice_rows" not in arrays:
        return None
    rows = from_bytes(arrays["voice_rows"], arrays["voice_exponents"])
    settled = arrays.get("voice_settled", np.zeros(len(VOICES)))  # older models state every voice
    return VoiceModel(rows, arrays["voice_signs"], arrays["voice_bias"], arrays["voice_prior"], settled)


def _codebook(document: dict[str, Any]) -> Codebook:
    retired = tuple(Retired(**entry) for entry in document.get("retired", []))  # older models have none
    return Codebook(document["version"], tuple(_frame(frame) for frame in document["frames"]), retired)


def _frame(table: dict[str, Any]) -> Frame:
    return Frame(
        id=table["id"],
        name=table["name"],
        aim=table["aim"],
        claim=table["claim"],
        include=tuple(table["include"]),
        exclude=tuple(table["exclude"]),
        cues={language: tuple(cues) for language, cues in table["cues"].items()},
        examples=tuple(Example(**example) for example in table["examples"]),
        crosswalk={taxonomy: tuple(codes) for taxonomy, codes in table["crosswalk"].items()},
        since=table.get("since", ""),  # older models have none
    )


def _write_json(path: Path, value: Any) -> None:
    atomic_write_text(path, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _content_hash(hashes: dict[str, str]) -> str:
    return hashlib.sha256("".join(f"{name} {hashes[name]}\n" for name in sorted(hashes)).encode()).hexdigest()
