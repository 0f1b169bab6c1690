"""Turns what people said in a file into labels: looks names up, joins the rows of a reading, refuses the unclear."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from narratives.codebook.frames import VOICES
from narratives.errors import UserError
from narratives.labels.files import check_labels, check_reason
from narratives.labels.frame_names import FrameNames, says_no_frame
from narratives.labels.interchange.intake import Given, Intake, Item, Moment
from narratives.labels.label_set import Label, LabelSet, ReadingKey, reading_key
from narratives.tables.rows import Refusal
from narratives.text.paragraphs import paragraph_id

_NO_TEXT = paragraph_id("")
_LONGEST_TIME = 32  # characters that the database has for a time
_Key = tuple[str, str, str, bool]  # paragraph, annotator, time, whether silence on a frame is a no


@dataclass
class _Reading:
    """What one person said of one text at one time, in one row or in several.

    - ``seen``: frames with their voices; ``denied``: frames that are not there.
    - ``faults``: what is wrong, by the place of the item.
    - ``disputed``: frames that were given two voices.
    - ``reasons``: why the text was shown; more than one if the rows differ.
    """

    seen: dict[str, str] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    faults: dict[int, str] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)

    def add(self, place: int, given: Given, names: FrameNames) -> None:
        """Add what another row says. A frame with two voices keeps none: which one holds is for a person to settle."""
        self.places.append(place)
        try:
            seen, denied = _looked_up(given, names)
        except ValueError as error:
            self.faults[place] = str(error)
            return
        for frame, voice in seen:
            if self.seen.get(frame) and voice and self.seen[frame] != voice:
                self.disputed.add(frame)
            self.seen[frame] = "" if frame in self.disputed else voice or self.seen.get(frame, "")
        self.denied.update(denied)
        if both := self.denied & self.seen.keys():
            self.faults[place] = f"says yes and no to '{min(both)}'; remove one of them"
        self.reasons |= {given.reason} - {""}
        self.notes += [given.note] if given.note and given.note not in self.notes else []


class Collector:
    """Collects the items of one file.

    - ``where``: the name of the file, for messages.
    - ``unit``: what a place is: a line, a task or an object.
    """

    def __init__(self, where: str, unit: str, moment: Moment, names: FrameNames) -> None:
        self._where, self._unit, self._moment, self._names = where, unit, moment, names
        self._items: list[Item] = []
        self._readings: dict[_Key, _Reading] = {}

    def add(self, items: Iterable[Item]) -> "Collector":
        """Add items and return the collector. Raises UserError for labels that nobody gave."""
        for read in items:
            item = read if read.fault else replace(read, fault=self._fault_of(read))
            self._items.append(item)
            for given in item.given:
                reading = self._readings.setdefault(self._key(item, given), _Reading())
                reading.add(item.place, given, self._names)
                if item.fault:
                    reading.faults[item.place] = item.fault
        return self

    def intake(self, layout: str, notes: Sequence[str] = ()) -> Intake:
        """Return what was collected."""
        refused = self._refused()
        good = [item for item in self._items if item.place not in refused]
        paragraphs = {item.paragraph.paragraph_id: item.paragraph for item in reversed(good) if item.paragraph.text}
        labels, reasons = self._said(good)
        return Intake(
            layout,
            LabelSet(tuple(reversed(paragraphs.values())), tuple(dict.fromkeys(labels)), reasons),
            {item.paragraph.paragraph_id: item.source for item in reversed(good) if item.source},
            tuple(Refusal(item.place, refused[item.place], item.paragraph.text) for item in self._faulty(refused)),
            self._unit,
            tuple(suggestion for item in good for suggestion in item.suggestions),
            (*notes, *self._notes(good)),
        )

    def _said(self, good: Sequence[Item]) -> tuple[list[Label], dict[ReadingKey, str]]:
        """Return the labels of the items and readings that are not refused, and why their texts were shown."""
        labels = [label for item in good for label in item.labels]
        reasons = {key: reason for item in good for key, reason in item.reasons.items()}
        for key, reading in self._readings.items():
            own = [] if reading.faults else self._labels(key, reading)
            labels += own
            if own and len(reading.reasons) == 1:  # of two, nobody knows which holds
                reasons[reading_key(own[0])] = min(reading.reasons)
        return labels, reasons

    def _fault_of(self, item: Item) -> str:
        # An export without text names paragraphs that only the database knows.
        is_known = not item.paragraph.text and item.paragraph.paragraph_id != _NO_TEXT
        paragraphs = () if is_known else (item.paragraph,)
        try:
            own = LabelSet(paragraphs, item.labels, item.reasons)
            check_labels(own, self._moment.codebook, "", (item.paragraph.paragraph_id,))
        except UserError as error:
            return str(error).removeprefix(": ")
        reasons = [given.reason for given in item.given if given.reason]
        return next(filter(None, map(check_reason, reasons)), "")

    def _key(self, item: Item, given: Given) -> _Key:
        annotator = given.annotator or self._moment.annotator
        if not annotator:
            raise UserError(
                f"{self._where}: {self._unit} {item.place}: it does not say who gave the labels; "
                "name them with --annotator NAME, or the column with --annotator-column"
            )
        return item.paragraph.paragraph_id, annotator, _time(given.at) or self._moment.at, given.whole

    def _refused(self) -> dict[int, str]:
        """Return why items are refused, by place.

        A reading of several rows is refused as a whole: without one of its rows it would say no to that row's frame.
        """
        refused = {item.place: item.fault for item in self._items if item.fault}
        for reading in self._readings.values():
            for place in reading.places if reading.faults else ():
                first = min(reading.faults)
                other = f"belongs to a reading that is refused: {self._unit} {first}: {reading.faults[first]}"
                refused.setdefault(place, reading.faults.get(place, other))
        return refused

    def _faulty(self, refused: dict[int, str]) -> list[Item]:
        by_place = {item.place: item for item in self._items if item.place in refused}
        return [by_place[place] for place in sorted(by_place)]

    def _labels(self, key: _Key, reading: _Reading) -> list[Label]:
        paragraph, annotator, at, whole = key
        codebook = self._moment.codebook
        blank = Label(
            paragraph, "", "", "no", "reading", "yes", annotator, at, codebook.version, " ".join(reading.notes)
        )
        seen = [replace(blank, frame=frame, voice=voice, value="yes") for frame, voice in reading.seen.items()]
        if whole or {*reading.seen, *reading.denied} >= set(codebook.ids):
            return seen or [blank]
        denied = [replace(blank, frame=frame) for frame in sorted(reading.denied)]
        return [replace(label, kind="single") for label in (*seen, *denied)]

    def _notes(self, good: Sequence[Item]) -> list[str]:
        readings = [reading for reading in self._readings.values() if not reading.faults]
        repeated = len(good) - len({item.paragraph.paragraph_id for item in good})
        open_voices = sum(not all(reading.seen.values()) for reading in readings)
        two_reasons = sum(len(reading.reasons) > 1 for reading in readings)
        two_voices = sum(bool(reading.disputed) for reading in readings)
        counted = (
            (repeated, "repeat the text of another: a text is stored once, with what all of them say"),
            (open_voices, "readings see a frame and give no voice, which is left open"),
            (two_voices, "readings give a frame two voices, so that its voice is left open"),
            (two_reasons, "readings say two ways in which their text was chosen, so that neither is kept"),
        )
        return [f"{number:,} {sentence}" for number, sentence in counted if number]


def _looked_up(given: Given, names: FrameNames) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the frames seen, with voices, and those denied. Raises ValueError that says what is not understood."""
    voices = list(given.voices)
    real = [name for name in given.yes if not says_no_frame(name)]
    yes = real if len(voices) == len(real) else list(given.yes)
    if voices and len(voices) != len(yes):
        raise ValueError(f"{len(yes)} frames but {len(voices)} voices; name one voice for each frame")
    seen = [_pair(name, voice, names) for name, voice in zip(yes, voices or [""] * len(yes), strict=True)]
    return [pair for pair in seen if pair[0]], [frame for name in given.no if (frame := _pair(name, "", names)[0])]


def _pair(name: str, voice: str, names: FrameNames) -> tuple[str, str]:
    choice, given = names.choice(name), names.voice(voice)
    if choice is None:
        raise ValueError(f"frame '{name}' is not in the codebook; correct it, or map it: --map '{name}=FRAME'")
    if given is None:
        known = ", ".join(VOICES)
        raise ValueError(f"voice '{voice}' is not one of {known}; correct it, or map it: --map '{voice}=VOICE'")
    return choice[0], given or choice[1]


def _time(given: str) -> str:
    """Return a time in UTC in the form that labels carry; empty if it is none."""
    try:
        time = datetime.fromtimestamp(float(given), UTC) if _is_number(given) else datetime.fromisoformat(given)
    except (ValueError, OverflowError, OSError):
        return ""
    if given.endswith("Z") and len(given) <= _LONGEST_TIME:
        return given
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
