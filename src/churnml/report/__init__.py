"""The report a stakeholder opens: one self-contained HTML file."""
