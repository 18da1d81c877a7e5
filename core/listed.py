"""Settings that hold more than one value in a text."""


def ports_of(text: str) -> range:
    """A range of ports like 60000-60099; raises ValueError."""
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and 1024 <= int(first) <= int(last) <= 65535):
        raise ValueError("KENAL_FTP_PASSIVE_PORTS is like 60000-60099")
    return range(int(first), int(last) + 1)


def names_of(text: str) -> tuple[str, ...]:
    """Names with commas between them, each once."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))
