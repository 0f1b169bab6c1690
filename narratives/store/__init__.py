"""The label database: what people said of paragraphs, kept for good, and what each has in hand."""
