"""The web application for a WSGI server."""

from app.core import watch
from app.factory import create_app

watch.write()
app = create_app()
