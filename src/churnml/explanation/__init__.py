"""Why the model says what it says: contributions, themes and reasons in words."""
