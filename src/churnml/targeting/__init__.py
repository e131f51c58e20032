"""Whom to contact: what a contact is expected to bring, within budget, consent and fatigue, beside a control group."""
