"""rspamd under the runtime: messages that a Lua rule looks into, in workers that main has forked with the rules loaded."""
import json
import os
import pathlib
import shutil
import signal

import pytest

from hosts.evidence import assert_heap_in_use, states_on_respire
from hosts.server import Server, ask_http
from processes import free_port, process_state, public_directory, wait_until

pytestmark = pytest.mark.preload

HOSTS = pathlib.Path(__file__).resolve().parent / "hosts"


class MailFilter:
    def __init__(self, folder, preload):
        self.port = free_port()
        (folder / "rules.lua").write_text((HOSTS / "mail_filter.lua").read_text("utf-8"), encoding="utf-8")
        (folder / "domains").write_text("test\n", encoding="ascii")
        text = (HOSTS / "mail_filter.conf").read_text("utf-8")
        (folder / "rspamd.conf").write_text(text.replace("FOLDER", str(folder)).replace("PORT", str(self.port)), encoding="utf-8")
        shutil.chown(folder, "_rspamd", "_rspamd")
        self.server = Server(["/usr/bin/rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", folder / "rspamd.conf"], folder,
                             preload=preload, serves=lambda: ask_http(self.port, "/ping")[0] == 200)
        self.pid = self.server.pid

    @property
    def worker(self):
        (only,) = self.server.children("normal process")
        return only

    def check(self, subject, words):
        """What the rule says about a message of these words, and what the worker's Lua counts."""
        message = f"From: a@one.test\r\nTo: b@two.test\r\nSubject: {subject}\r\n\r\n{' '.join(words)}\r\n"
        status, _, body = ask_http(self.port, "/checkv2", method="POST", body=message)
        assert status == 200, body
        symbols = json.loads(body)["symbols"]
        (count_bytes,) = symbols["RESPIRE_COUNT"]["options"]
        return symbols["RESPIRE_WORDS"]["options"], float(count_bytes)


@pytest.fixture
def mail_filter(runtime):
    with public_directory() as folder:
        started = MailFilter(folder, runtime)
        yield started
        started.server.stop()


def message_words(n):
    """Words, and what the rule must say about them behind the subject."""
    words = [f"word{i}" for i in range(n)] + ["again"] * 3 + ["longest-of-all-these-words"]
    return words, [str(n + 2), "longest-of-all-these-words", "3"]


def assert_messages_checked(mail_filter, count):
    for number in range(count):
        words, expected = message_words(500 + number)
        options, count_bytes = mail_filter.check(f"message-{number}", words)
        assert options == [f"message-{number}", *expected]
    return count_bytes


def test_messages(mail_filter, respire):
    """Each message's words are counted right; main and its worker, forked with the rules in it, are on respire heaps."""
    count_bytes = assert_messages_checked(mail_filter, 100)
    assert_heap_in_use(respire, mail_filter.worker, count_bytes)
    states_on_respire(respire, mail_filter.pid)


def test_reload(mail_filter, respire):
    """HUP: main reads its rules into a new state and forks a new worker; both are on respire heaps."""
    assert_messages_checked(mail_filter, 10)
    old = mail_filter.worker
    states_on_respire(respire, mail_filter.pid)
    os.kill(mail_filter.pid, signal.SIGHUP)
    wait_until(lambda: process_state(old) is None, "the old worker has ended", seconds=30)
    wait_until(lambda: mail_filter.server.children("normal process"), "there is a new worker")
    count_bytes = assert_messages_checked(mail_filter, 50)
    assert_heap_in_use(respire, mail_filter.worker, count_bytes)
    states_on_respire(respire, mail_filter.pid)
