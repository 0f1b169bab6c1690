"""The label database: paragraphs, the events of labelling, and who is assigned which paragraph."""
