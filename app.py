"""Runs the app with `streamlit run app.py`; `narratives app` opens the same pages."""

from narratives.ui.main import main

main()
