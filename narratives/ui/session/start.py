"""Runs the app; this is the script that Streamlit gets from ``narratives app``. ``app.py`` in a checkout does the same.

The script must not lie beside the folder ``pages``: Streamlit would show that folder's modules as pages, too.
"""

from narratives.ui.main import main

main()
