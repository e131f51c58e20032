"""Published nights, watched: judged when their outcomes are known, and looked at for drift until then."""
