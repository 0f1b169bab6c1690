"""The app, for `streamlit run app.py`; `narratives app` opens the same pages."""

from narratives.ui.main import main

main()
