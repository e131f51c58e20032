"""What the outcomes tell about the business: result objects with frames."""
