"""The parts of pages: HTML, the labelling board, charts, the line at the top."""
