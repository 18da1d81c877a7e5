"""Home Assistant's MQTT discovery: one message that names a device and what it has; pure.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload (since 2024.12)
Nothing in it can be commanded.
"""

import json
from typing import Any

from edge.heartbeat import VERSION
from edge.mqtt.messages import EVENT_TYPES, OFFLINE, ONLINE, Message, Topics


def discovery(topics: Topics, prefix: str, name: str) -> Message:
    """The message that makes the door a device of Home Assistant; kept by the broker."""
    told = {
        "device": {
            "identifiers": [f"kenal_{topics.device}"],
            "name": name or topics.device_id or "Door",
            "manufacturer": "Kenal",
            "model": "Edge agent",
            "sw_version": VERSION,
        },
        "origin": {"name": "kenal-edge", "sw_version": VERSION},
        "availability_topic": topics.of("availability"),
        "payload_available": ONLINE,
        "payload_not_available": OFFLINE,
        "components": {
            f"kenal_{topics.device}_{key}": {
                **told,
                "unique_id": f"kenal_{topics.device}_{key}",
                "state_topic": topics.of(key),
            }
            for key, told in _components().items()
        },
    }
    return Message(f"{prefix}/device/kenal_{topics.device}/config", json.dumps(told), kept=True)


def _components() -> dict[str, dict[str, Any]]:
    diagnostic = {"platform": "sensor", "entity_category": "diagnostic"}
    return {
        "event": {"platform": "event", "name": "Person", "event_types": list(EVENT_TYPES)},
        "door": {
            "platform": "binary_sensor",
            "name": "Door",
            "device_class": "lock",  # what the relay releases: whether the door moved nobody saw
            "payload_on": "open",
            "payload_off": "closed",
        },
        "queue": {**diagnostic, "name": "Waiting events", "state_class": "measurement"},
        "camera": {**diagnostic, "name": "Camera"},
        "server": {**diagnostic, "name": "Server"},
    }
