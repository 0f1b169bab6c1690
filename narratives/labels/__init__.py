"""Labels that annotators gave paragraphs: their files, formats, disputes and gold."""
