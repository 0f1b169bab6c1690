"""Text as text: paragraphs, language, near-duplicates, spans. Knows no frame and no file."""
