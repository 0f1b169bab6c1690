"""Documents: pages, PDF, Word, mail, subtitles and books, as paragraphs of plain text. Nothing is fetched."""
