"""Describes a codebook and its frames as text for the terminal."""

from narratives.codebook.frames import Codebook, Frame, Retired


def outline(codebook: Codebook) -> str:
    """Return the frames grouped by aim, one line each."""
    lines = [f"codebook version {codebook.version}"]
    for aim in codebook.aims:
        lines += ["", aim]
        lines += [f"  {frame.id:32} {frame.claim}" for frame in codebook.frames if frame.aim == aim]
    if codebook.retired:
        lines += ["", "retired", *(f"  {frame.id:32} {fate(frame)}" for frame in codebook.retired)]
    return "\n".join(lines)


def fate(frame: Retired) -> str:
    """Return when a frame was retired and, if it was merged, into which frame."""
    return f"merged into {frame.into} on {frame.on}" if frame.into else f"retired on {frame.on}"


def describe(frame: Frame) -> str:
    """Return everything that the codebook says about a frame."""
    lines = [f"{frame.name} ({frame.id})", f"aim: {frame.aim}", "", frame.claim, "", "counts:"]
    lines += [f"  - {item}" for item in frame.include]
    lines += ["", "does not count:", *(f"  - {item}" for item in frame.exclude), "", "examples:"]
    lines += [f"  - [{example.voice}] {example.text}" for example in frame.examples]
    lines += ["", *(f"cues ({language}): {', '.join(cues)}" for language, cues in frame.cues.items() if cues)]
    lines += ["", *(f"{taxonomy}: {', '.join(codes)}" for taxonomy, codes in frame.crosswalk.items() if codes)]
    return "\n".join(lines)
