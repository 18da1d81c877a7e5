"""Webhooks: events are queued with what they tell of, and sent to who wants to know."""
