"""The script that Streamlit runs for the installed app; ``app.py`` in a checkout is the same call.

It is not beside the folder ``pages``: Streamlit would take that folder's modules for pages of its own.
"""

from narratives.ui.main import main

main()
