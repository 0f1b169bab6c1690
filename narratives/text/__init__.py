"""Works on plain text: paragraphs, language, near-duplicates, spans. Knows no frames and no files."""
