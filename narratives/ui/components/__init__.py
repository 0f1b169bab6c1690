"""What pages are put together from: HTML, the labelling board, charts, the headline."""
