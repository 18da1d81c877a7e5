"""What a device's key may be used for: its own device, and no other."""

from api import auth


def check_own(device_id: str) -> None:
    """Raises Forbidden, which is noted in the audit, where the caller is not this device."""
    if not auth.caller().acts_for(device_id):
        auth.refuse("this key acts for another device")
