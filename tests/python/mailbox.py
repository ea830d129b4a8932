"""A real SMTP server that keeps what it is given: mailbox.py PORT FILE [REFUSALS [NAME PASSWORD]]

Each mail becomes a line of JSON in FILE. The first REFUSALS are answered 451: try again.
"""
import email
import email.policy
import json
import signal
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Mailbox:
    def __init__(self, file, refusals):
        self.file, self.refusals = file, refusals

    async def handle_DATA(self, server, session, envelope):
        if self.refusals > 0:
            self.refusals -= 1
            return "451 4.7.1 greylisted, try again"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        kept = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "signed_in": bool(session.authenticated),
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "text": message.get_content(),
        }
        with open(self.file, "a", encoding="utf-8") as out:
            out.write(json.dumps(kept) + "\n")
        return "250 OK"


port, file = int(sys.argv[1]), sys.argv[2]
refusals = int(sys.argv[3]) if len(sys.argv) > 3 else 0
wanted = tuple(word.encode() for word in sys.argv[4:6])


def check(server, session, envelope, mechanism, data):
    # Not handled: the server says 235 or 535 for us.
    return AuthResult(success=(data.login, data.password) == wanted, handled=False)


login = dict(authenticator=check, auth_required=True, auth_require_tls=False) if wanted else {}
controller = Controller(Mailbox(file, refusals), hostname="127.0.0.1", port=port, **login)
controller.start()
signal.sigwait([signal.SIGTERM, signal.SIGINT])
controller.stop()
