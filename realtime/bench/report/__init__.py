"""The figures of a run, and how they are shown: tables, Markdown, charts and JSON."""
