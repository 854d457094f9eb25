"""The applications of examples/registry.toml: Python 3.9 or later, nothing to install.

    python3 examples/subscriber.py                  # listens on 127.0.0.1:9000
    python3 examples/subscriber.py --host 0.0.0.0 --port 9001
    SIGNING_SECRET=whsec_... python3 examples/subscriber.py   # checks signatures, too
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def is_genuine(secret, headers, body):
    """Whether a call was signed with `secret`, less than five minutes ago."""
    if abs(time.time() - int(headers["webhook-timestamp"])) > 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    given = headers["webhook-signature"].split(" ")
    return any(hmac.compare_digest(expected, one) for one in given)


def decide(event):
    """What /approvals decides, a second later, by callback."""
    time.sleep(1)
    meta = event["_metadata"]
    output = {"approved": True, "comment": "No conflict of duties.", "approver": "chloe.marchetti"}
    body = json.dumps({"secret": meta["secret"], "output": output}).encode()
    request = urllib.request.Request(meta["callbackURL"], body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        print(f"callback answered with {answer.status}", flush=True)


class Applications(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        secret = os.environ.get("SIGNING_SECRET")
        if secret and not is_genuine(secret, self.headers, body):
            return self.answer(401, {"error": "signature"})
        print(f"{self.path}: {body.decode()[:120]}", flush=True)
        if self.path == "/approvals":
            threading.Thread(target=decide, args=[json.loads(body)]).start()
            return self.answer(200, {})
        if self.path == "/approvers":
            return self.answer(200, {"id": "57c6b61d", "name": "Finance Data Owners", "type": "GOVERNANCE_GROUP"})
        return self.answer(200, {})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The applications of examples/registry.toml.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", default=9000, type=int, help="port to listen on")
    args = parser.parse_args()
    ThreadingHTTPServer((args.host, args.port), Applications).serve_forever()
