"""Resolve a host name by this machine's resolver, each family apart."""

import socket

from dualstack.family import Family
from dualstack.scenario.seen import Seen

NO_SUCH = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", -5), getattr(socket, "EAI_ADDRFAMILY", -9))
KINDS = {Family.V4: socket.AF_INET, Family.V6: socket.AF_INET6}


class Resolved(Seen):
    """What a name stands for in one family."""

    name: str
    family: Family
    addresses: tuple[str, ...] = ()
    """None at all is an answer, unless there was trouble."""
    trouble: str | None = None
    """Why there is no answer."""


def resolve(name: str, family: Family) -> Resolved:
    """Return the name's addresses of a family: A or AAAA records."""
    try:
        found = socket.getaddrinfo(name, None, family=KINDS[family], type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in NO_SUCH:
            return Resolved(name=name, family=family)
        return Resolved(name=name, family=family, trouble=f"{name} cannot be resolved here: {error.strerror}")
    except (OSError, UnicodeError) as error:
        return Resolved(name=name, family=family, trouble=f"{name} cannot be resolved here: {error}")
    return Resolved(
        name=name, family=family, addresses=tuple(dict.fromkeys(str(each[4][0]) for each in found))
    )
