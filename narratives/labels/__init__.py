"""Labels: what annotators said of paragraphs; files, gold, layouts, disputes."""
