"""The script that Streamlit runs for the installed app; ``app.py`` in a checkout is the same call."""

from narratives.ui.main import main

main()
