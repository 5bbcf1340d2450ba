"""What must not stand in a report that people paste into a public page: names, addresses, numbers, passwords."""

import getpass
import ipaddress
import os
import platform
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

# Names that everybody's machine has say nothing of a person, and are words of the report too.
NOBODYS_NAMES = {
    *("root", "user", "admin", "guest", "runner", "localhost", "localdomain", "home", "pi", "video", "audio"),
    *("ubuntu", "debian", "fedora", "arch", "linux", "macos", "windows", "docker", "container"),
    *("impasto", "openvino", "onnxruntime", "tensorrt", "torch", "python", "camera", "ffmpeg"),
}
SECRET_NAMES = re.compile(r"TOKEN|SECRET|PASS|PWD|KEY|AUTH|CREDENTIAL|COOKIE|PROXY", re.IGNORECASE)
LEAST_SECRET_LETTERS = 6
WORKING_FOLDERS = ("PWD", "OLDPWD")  # the shell's words for where one is; not passwords
USER_VARIABLES = ("USER", "LOGNAME", "USERNAME", "SUDO_USER")
HOST_VARIABLES = ("HOSTNAME", "HOST", "COMPUTERNAME")
HOME_VARIABLES = ("HOME", "USERPROFILE")
PEOPLES_FOLDERS = re.compile(r"((?:/home|/Users|/run/media|/media|[A-Za-z]:\\Users)[/\\])[^/\\\s:;,'\")]+")
CREDENTIALS = re.compile(r"(?<=://)[^/\s]+@")
IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)")
IPV6 = re.compile(r"(?<![\w:])[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:]*(?:\.\d+){0,3}(?![\w:])")
HARDWARE_ADDRESS = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:-])")
UNIQUE_NUMBER = re.compile(r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b")
ADDRESS, NUMBER, SECRET = "ADDRESS", "NUMBER", "SECRET"

Redact = Callable[[str], str]


def redactor(environment: Mapping[str, str], versions: Iterable[str] = ()) -> Redact:
    """A function that takes all that out of a text. `versions` look like addresses and stay."""
    kept = set(versions)
    replacements = _replacements(environment)

    def redact(text: str) -> str:
        for pattern, word in replacements:
            text = pattern.sub(word, text)  # the words hold no backslash
        text = PEOPLES_FOLDERS.sub(lambda found: f"{found[1]}USER", text)
        text = CREDENTIALS.sub("***@", text)
        for pattern, word in ((HARDWARE_ADDRESS, ADDRESS), (UNIQUE_NUMBER, NUMBER)):
            text = pattern.sub(word, text)
        text = IPV6.sub(lambda found: ADDRESS if _is_address(found[0]) else found[0], text)
        return IPV4.sub(lambda found: ADDRESS if _is_address(found[0]) and found[0] not in kept else found[0], text)

    return redact


def redacted(value: Any, redact: Redact) -> Any:
    """The value with every text in it redacted, those that are keys too."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(key): redacted(item, redact) for key, item in value.items()}
    return [redacted(item, redact) for item in value] if isinstance(value, (list, tuple)) else value


def _replacements(environment: Mapping[str, str]) -> list[tuple[re.Pattern[str], str]]:
    """(pattern, word) in the order in which they are replaced: a home holds the user's name, and may another home."""
    patterns = [(re.compile(re.escape(secret)), SECRET) for secret in _longest_first(_secrets(environment))]
    patterns += [(re.compile(rf"(?<!\w){re.escape(home)}(?!\w)"), "~") for home in _longest_first(_homes(environment))]
    for word, names in (("USER", _users(environment)), ("HOST", _hosts(environment))):
        telling = (name for name in names if len(name) > 1 and name.lower() not in NOBODYS_NAMES)
        patterns += [
            (re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE), word) for name in _longest_first(telling)
        ]
    return patterns


def _longest_first(texts: Iterable[str]) -> list[str]:
    return sorted(texts, key=len, reverse=True)


def _homes(environment: Mapping[str, str]) -> set[str]:
    homes = {environment.get(name, "") for name in HOME_VARIABLES} | {_home_of_account()}
    with suppress(RuntimeError):
        homes.add(str(Path.home()))
    homes |= {os.path.realpath(home) for home in homes if home}
    return {home.rstrip("/\\") for home in homes} - {""}


def _home_of_account() -> str:
    with suppress(ImportError, KeyError, AttributeError):
        import pwd

        return pwd.getpwuid(os.getuid()).pw_dir
    return ""


def _users(environment: Mapping[str, str]) -> set[str]:
    users = {environment.get(name, "") for name in USER_VARIABLES}
    users |= {Path(home).name for home in _homes(environment)}
    with suppress(OSError, KeyError, ImportError):
        users.add(getpass.getuser())
    with suppress(ImportError, KeyError, AttributeError):
        import pwd

        account = pwd.getpwuid(os.getuid())
        users |= {account.pw_name, account.pw_gecos.partition(",")[0]}
    return users - {""}


def _hosts(environment: Mapping[str, str]) -> set[str]:
    """Whole, and their first part; that of a display on another machine too."""
    hosts = {environment.get(name, "") for name in HOST_VARIABLES} | {platform.node(), socket.gethostname()}
    hosts.add(environment.get("DISPLAY", "").rpartition(":")[0])
    return {part for host in hosts for part in (host, host.partition(".")[0])} - {""}


def _secrets(environment: Mapping[str, str]) -> set[str]:
    """The values of variables that are called like one, long enough not to be words."""
    values = (value for name, value in environment.items() if SECRET_NAMES.search(name) and name not in WORKING_FOLDERS)
    return {value for value in values if len(value) >= LEAST_SECRET_LETTERS}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return text != "::"
