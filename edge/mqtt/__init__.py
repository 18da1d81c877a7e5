"""Tells an MQTT broker, and with it Home Assistant, what the door sees and does."""
