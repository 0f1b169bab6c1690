"""Saves and loads model folders, in formats that cannot run code when they are read."""

import gzip
import hashlib
import json
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
from narratives.model.calibration import TERMS
from narratives.model.classifier import Classifier
from narratives.model.features import Features
from narratives.model.frame_model import FrameModel, as_bytes, from_bytes
from narratives.model.plain_arrays import Expected, read_array, read_arrays
from narratives.model.voice_markers import MARKERS
from narratives.model.voice_model import VoiceModel

FORMAT = 3
_WEIGHTS, _VOCABULARY, _CODEBOOK, _CARD = "weights.npz", "vocabulary.json.gz", "codebook.json", "card.md"
_FILES = (_WEIGHTS, _VOCABULARY, _CODEBOOK, _CARD)
_TRAINED_ON = "trained_on.npy"  # only models from which others are trained have it
# What a folder of somebody else may take of the memory: several times what the largest model of ours does.
_MOST_BYTES = {_WEIGHTS: 1 << 28, _VOCABULARY: 1 << 25, _CODEBOOK: 1 << 25, _CARD: 1 << 22, _TRAINED_ON: 1 << 28}
_MOST_TERMS_BYTES = 1 << 25  # of the vocabulary when it is unpacked
_MOST_WEIGHTS = 40_000_000
_MOST_EXPONENT = 120  # a byte times a higher power of two is not finite in float32
# What is wrong in files that say something else than they should; RecursionError is JSON that is nested without end.
_MISFIT = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


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
    try:
        return _assemble(folder, manifest)
    except _MISFIT as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise UserError(f"{folder}: the parts of the model do not fit together ({reason}); train it again") from None


def read_trained_on(folder: Path) -> NDArray[np.uint64] | None:
    """Return the fingerprints of the labels that a model was trained on (n × 2), None if it does not keep them.

    Raises UserError if the file is damaged.
    """
    path = folder / _TRAINED_ON
    if not path.exists():
        return None
    try:
        known: NDArray[np.uint64] = read_array(path).astype(np.uint64).reshape(-1, 2)
    except (ValueError, TypeError, OSError, EOFError) as error:
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
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not valid JSON ({error}); the model is damaged, train it again") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        version = manifest.get("format") if isinstance(manifest, dict) else None
        raise ModelFormatError(
            f"{folder}: model format {version}, this version reads format {FORMAT}; train the model again"
        )
    if not isinstance(manifest.get("figures", {}), dict):
        raise UserError(f"{path}: its figures are none; the model is damaged, train it again")
    return manifest


def read_frame_ids(folder: Path) -> tuple[str, ...]:
    """Return the ids of a model's frames without loading the model. Raises UserError if they cannot be read."""
    path = folder / _CODEBOOK
    try:
        return tuple(frame["id"] for frame in json.loads(path.read_text(encoding="utf-8"))["frames"])
    except (OSError, *_MISFIT) as error:
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


def _check_files(folder: Path, manifest: dict[str, Any]) -> None:
    hashes = manifest.get("files")
    if not isinstance(hashes, dict) or set(hashes) - {_TRAINED_ON} != set(_FILES):
        raise UserError(f"{folder}: the manifest does not list {', '.join(_FILES)}; train the model again")
    # A file that no hash covers may come from somebody else, and may be meant for a reader that runs code.
    extra = next((path.name for path in folder.iterdir() if path.name not in (*hashes, "manifest.json")), None)
    if extra:
        raise UserError(f"{folder}: '{extra}' is not part of a model; remove it if you trust the rest")
    for name in sorted(hashes):
        if not (folder / name).is_file():  # a device or a pipe would be read without end
            raise UserError(f"{folder}: {name} is missing; train the model again")
        if (folder / name).stat().st_size > _MOST_BYTES[name]:
            raise UserError(
                f"{folder}: {name} is larger than {_MOST_BYTES[name] >> 20} MB, which no model needs; do not use it"
            )
        if _sha256(folder / name) != hashes[name]:
            raise UserError(
                f"{folder}: {name} is not what the manifest says; it was changed or damaged, train the model again"
            )


def _assemble(folder: Path, manifest: dict[str, Any]) -> Classifier:
    terms = _read_terms(folder / _VOCABULARY)
    codebook = _codebook(json.loads((folder / _CODEBOOK).read_text(encoding="utf-8")))
    frames = len(codebook.ids)
    if len(set(codebook.ids)) != frames:
        raise ValueError("the codebook has a frame twice")
    # Hashes do not protect from a folder made on purpose: a wrong shape would be an IndexError later, or wrong scores.
    expected = _expected(sum(map(len, terms)), frames)
    arrays = read_arrays(folder / _WEIGHTS, expected)
    for name in ("exponents", "voice_exponents"):
        if name in arrays and arrays[name].max(initial=0) > _MOST_EXPONENT:
            raise ValueError(f"{name} make weights that are no finite numbers")
    if len(arrays.get("word_shares", ())) not in (0, len(TERMS)):
        raise ValueError(f"word_shares has shape {arrays['word_shares'].shape}, not {(len(TERMS),)}")
    features = Features(*terms, arrays["idf"], float(arrays["unknown_idf"]))
    if arrays["sigmoids"].shape == (frames, 2):  # older models do not flatten
        arrays = arrays | {"sigmoids": np.column_stack([arrays["sigmoids"], np.ones(frames)])}
    if arrays["sigmoids"].shape != (frames, 3):
        raise ValueError(f"sigmoids has shape {arrays['sigmoids'].shape}, not {(frames, 3)}")
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


def _expected(terms: int, frames: int) -> dict[str, Expected]:
    """Return what the arrays of a model with so many terms and frames are. Raises ValueError if they are too many."""
    if terms * (frames + len(VOICES)) > _MOST_WEIGHTS:
        raise ValueError(f"{terms:,} terms for {frames:,} frames are more weights than {_MOST_WEIGHTS:,}")
    bytes_of = {"weights": (terms, frames), "exponents": (terms,), "voice_rows": (terms, len(VOICES))}
    bytes_of |= {"voice_exponents": (terms,)}
    numbers: dict[str, tuple[int | None, ...]] = {"idf": (terms,), "unknown_idf": (), "bias": (frames,)}
    numbers |= {"sigmoids": (frames, None), "thresholds": (frames,), "band": (frames, 2)}
    numbers |= {"voice_signs": (len(MARKERS), len(VOICES))}
    numbers |= {name: (len(VOICES),) for name in ("voice_bias", "voice_prior", "voice_settled")}
    expected = {name: Expected(shape, "i", most_bytes=1) for name, shape in bytes_of.items()}
    expected |= {name: Expected(shape) for name, shape in numbers.items()}
    # Of a language without enough texts no share is known.
    return expected | {
        "word_shares": Expected((None,), nan=True),
        "languages": Expected((None,), "U", most_bytes=4 * 64),
    }


def _read_terms(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        with gzip.open(path) as file:
            unpacked = file.read(_MOST_TERMS_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a compressed vocabulary ({error}); train the model again") from None
    if len(unpacked) > _MOST_TERMS_BYTES:
        raise ValueError(f"the vocabulary is larger than {_MOST_TERMS_BYTES >> 20} MB")
    terms = json.loads(unpacked)
    return _texts(terms["words"]), _texts(terms["characters"])


def _texts(given: Any) -> tuple[str, ...]:
    """Return a list of texts. Raises TypeError if it is none: a text alone would be a list of its letters."""
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise TypeError("a list of texts is something else")
    return tuple(given)


def _text(table: dict[str, Any], name: str) -> str:
    if not isinstance(table[name], str):
        raise TypeError(f"the {name} of a frame is no text")
    return str(table[name])


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
        id=_text(table, "id"),
        name=_text(table, "name"),
        aim=_text(table, "aim"),
        claim=_text(table, "claim"),
        include=_texts(table["include"]),
        exclude=_texts(table["exclude"]),
        cues={language: _texts(cues) for language, cues in table["cues"].items()},
        examples=tuple(Example(**example) for example in table["examples"]),
        crosswalk={taxonomy: tuple(codes) for taxonomy, codes in table["crosswalk"].items()},
        since=table.get("since", ""),  # older models have none
    )


def _write_json(path: Path, value: Any) -> None:
    atomic_write_text(path, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content_hash(hashes: dict[str, str]) -> str:
    return hashlib.sha256("".join(f"{name} {hashes[name]}\n" for name in sorted(hashes)).encode()).hexdigest()
