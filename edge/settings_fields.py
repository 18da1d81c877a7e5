"""One value of a setting, from a TOML file or the environment: its type and its bounds."""

from dataclasses import dataclass, field
from pathlib import Path


class ConfigError(ValueError):
    """What is wrong with the settings, in words for whoever wrote them; never a value of a key."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is never shown."""

    text: str = field(repr=False)

    def __str__(self) -> str:
        return "********" if self.text else ""


def bounded(default: float, low: float, high: float) -> float:
    """A number of a section, with its bounds."""
    return field(default=default, metadata={"bounds": (low, high)})


def counted(default: int, low: int, high: int) -> int:
    """The same for a whole number."""
    return field(default=default, metadata={"bounds": (low, high)})


def value_of(name: str, kind: object, given: object) -> object:
    """`given` as the type of the field; a text, as the environment has, is read as that type."""
    if kind is bool:
        return _truth(name, given)
    if kind in (int, float):
        return _number(name, given, kind is int)
    if kind == int | None:
        return None if given == "" else _number(name, given, True)
    if not isinstance(given, str):
        raise ConfigError(f"{name} must be a text")
    if kind is Secret:
        return Secret(given)
    if kind == Path | None:
        return Path(given) if given else None
    return Path(given) if kind is Path else given


def check_bounds(name: str, given: object, bounds: tuple[float, float] | None) -> None:
    """Raises ConfigError where a number is outside."""
    if bounds is None or not isinstance(given, (int, float)):
        return
    if not bounds[0] <= given <= bounds[1]:  # also refuses NaN
        raise ConfigError(f"{name} must be between {bounds[0]:g} and {bounds[1]:g}")


def _truth(name: str, given: object) -> bool:
    if isinstance(given, bool):
        return given
    if given in ("true", "false"):
        return given == "true"
    raise ConfigError(f"{name} must be true or false")


def _number(name: str, given: object, is_whole: bool) -> float:
    if isinstance(given, (int, float, str)) and not isinstance(given, bool):
        try:
            number = float(given)
        except ValueError:
            pass
        else:
            if not is_whole:
                return number
            if number.is_integer():
                return int(number)
    raise ConfigError(f"{name} must be a {'whole ' if is_whole else ''}number")
