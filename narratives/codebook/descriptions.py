"""Owns the codebook as text for the terminal."""

from narratives.codebook.frames import Codebook, Frame, Retired


def outline(codebook: Codebook) -> str:
    """Return the frames grouped by aim, a line each, for the terminal."""
    lines = [f"codebook version {codebook.version}"]
    for aim in codebook.aims:
        lines += ["", aim]
        lines += [f"  {frame.id:32} {frame.claim}" for frame in codebook.frames if frame.aim == aim]
    if codebook.retired:
        lines += ["", "retired", *(f"  {one.id:32} {fate(one)}" for one in codebook.retired)]
    return "\n".join(lines)


def fate(one: Retired) -> str:
    """Say when a frame was retired, and into what it was merged."""
    return f"merged into {one.into} on {one.on}" if one.into else f"retired on {one.on}"


def describe(frame: Frame) -> str:
    """Return all of one frame for the terminal."""
    lines = [f"{frame.name} ({frame.id})", f"aim: {frame.aim}", "", frame.claim, "", "counts:"]
    lines += [f"  - {item}" for item in frame.include]
    lines += ["", "does not count:", *(f"  - {item}" for item in frame.exclude), "", "examples:"]
    lines += [f"  - [{example.voice}] {example.text}" for example in frame.examples]
    lines += ["", *(f"cues ({language}): {', '.join(cues)}" for language, cues in frame.cues.items() if cues)]
    lines += ["", *(f"{taxonomy}: {', '.join(codes)}" for taxonomy, codes in frame.crosswalk.items() if codes)]
    return "\n".join(lines)
