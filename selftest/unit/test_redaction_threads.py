"""Every thread of a run shows texts, and any of them may be the first to meet a name."""

import time
from concurrent.futures import ThreadPoolExecutor

from dualstack.redaction.names import NODE, Pseudonyms
from dualstack.redaction.run import Disclosure, Names


def test_no_thread_shows_a_name_while_another_learns_it():
    disclosure = Disclosure(Pseudonyms(b"key"))

    def slow_look():
        time.sleep(0.05)
        return Names(plain=((NODE, "frontend-7"),))

    disclosure.watch(slow_look)
    with ThreadPoolExecutor(8) as threads:
        shown = set(threads.map(disclosure.text, ["frontend-7 is down"] * 8))
    assert len(shown) == 1
    assert "frontend-7" not in shown.pop()


def test_a_look_that_says_something_itself_is_looked_at_once():
    disclosure = Disclosure(Pseudonyms(b"key"))
    looked = []

    def telling_look():
        looked.append(disclosure.text("looking"))
        return Names(plain=((NODE, "frontend-7"),))

    disclosure.watch(telling_look)
    assert "frontend-7" not in disclosure.text("frontend-7 is down")
    assert looked == ["looking"]
