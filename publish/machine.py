"""What of this machine stands in no file that leaves it: its folders, its user, its name."""

from __future__ import annotations

import getpass
import os
import platform
import re
import socket
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_ANYBODY = """
    admin administrator anonymous default guest jovyan me nobody root runner system ubuntu user vscode
"""
"""Names of users that say nothing of who it is."""

_ANYWHERE = """
    base build computer container data debian desktop docker fedora host laptop localhost localhost.localdomain
    node server test ubuntu worker
"""
"""Names of machines likewise."""

_SHORTEST = 4
_ROOTS = """
    Users Volumes bin data etc home lib media mnt opt private proc root run scratch srv sys tmp usr var workspace
"""
"""Where absolute paths begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine, as a trace of it would read.

    Attributes:
        folders: Its own folders, whose absolute paths are looked for as they are; the longest first. What lies right at the root is found
            as any absolute path is.
        names: Of its user and of itself; those that anybody or any machine may have are left out.
        roots: The first parts of absolute paths.
    """

    folders: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    roots: frozenset[str] = frozenset(_ROOTS.split())

    @property
    def path_pattern(self) -> re.Pattern[str]:
        """What finds an absolute path in a text: below one of the roots, or with the letter of a drive before it."""
        return _path_pattern(self.roots)


@cache
def _path_pattern(roots: frozenset[str]) -> re.Pattern[str]:
    part = r"""[^\s"'`<>|:;,()\[\]{}\\/]+"""
    first = "|".join(sorted(map(re.escape, roots)))
    posix = rf"(?:(?<=file://)|(?<![\w.~/-]))/(?:{first})(?:/{part})+/?"
    windows = rf"(?<![\w])[A-Za-z]:(?:\\{{1,2}}{part})+"
    return re.compile(f"{posix}|{windows}")


def this_machine(*folders: Path) -> Machine:
    """Return the machine that runs this.

    Args:
        folders: Further ones that are its own, such as a registry's.
    """
    own = [Path.home(), Path.cwd(), Path(tempfile.gettempdir()), *folders]
    spellings = {str(path) for each in own for path in (each.absolute(), each.resolve())}
    top = {each.name for each in os.scandir("/") if each.is_dir()} if os.name != "nt" else set()
    return Machine(
        folders=tuple(sorted((each for each in spellings if len(Path(each).parts) > 2), key=len, reverse=True)),
        names=tuple(sorted({*_users()} - {*_ANYBODY.split()} | {*_hosts()} - {*_ANYWHERE.split()})),
        roots=frozenset(_ROOTS.split()) | {name for name in top if not name.startswith(".")},
    )


def _users() -> list[str]:
    try:
        found = [getpass.getuser(), Path.home().name]
    except (OSError, KeyError, RuntimeError):  # a container's user may have no name
        found = []
    return [name for name in found if len(name) >= _SHORTEST]


def _hosts() -> list[str]:
    whole = {socket.gethostname(), platform.node()}
    return [name for name in {*whole, *(each.partition(".")[0] for each in whole)} if len(name) >= _SHORTEST]
