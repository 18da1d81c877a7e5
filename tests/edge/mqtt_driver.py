"""An agent's MQTT alone, for tests that kill it: says `told` when the broker listens."""

import sys
import time

from edge.mqtt.publisher import Mqtt
from edge.sections import MqttSettings


def main(port: str) -> None:
    """Until it is killed."""
    mqtt = Mqtt(MqttSettings(host="127.0.0.1", port=int(port)), "door-1", "Front door")
    mqtt.start()
    while mqtt.problem is not None:
        time.sleep(0.01)
    sys.stdout.write("told\n")
    sys.stdout.flush()
    time.sleep(3600)


if __name__ == "__main__":
    main(sys.argv[1])
