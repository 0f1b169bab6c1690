"""Who is at the keyboard, and what runs for them in the background."""
