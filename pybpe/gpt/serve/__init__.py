"""A server that speaks OpenAI's API: chat and completions by a model of this package, for many clients at once.

A request goes through these files: connections.py (HTTP with time limits), security.py (Host, Origin and key), app.py
(the routes), body.py and requests.py (JSON to checked values), prompts.py (values to ids), worker.py (the thread that
owns the model), jobs.py (one answer, id by id), stops.py (stop strings), responses.py (the JSON that goes back).
"""
