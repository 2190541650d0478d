"""Checks that all contestants over HTTP send the same, before they are timed."""
import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from runs import floor, go, ours

EVENTS = '10'  # one batch

# What may differ: documented in docs/performance.md.
OF_A_BATCH = ('client_name', 'client_version', 'region')
OF_AN_EVENT = ('uuid', 'timestamp')


class Recorder(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers['Content-Length'])
        self.server.bodies.append(self.rfile.read(length))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def record(command, *url_option):
    """The one body that a command sends."""
    with HTTPServer(('127.0.0.1', 0), Recorder) as server:
        server.bodies = []
        Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_port}/v1/events'
        subprocess.run([str(part) for part in (*command, *url_option, url)],
                       check=True, stdout=subprocess.DEVNULL)
        server.shutdown()
    if len(server.bodies) != 1:
        sys.exit(f'bench: {len(server.bodies)} bodies instead of one')
    return json.loads(server.bodies[0])


def normal(body):
    """Without what may differ, and attributes in one order."""
    for name in OF_A_BATCH:
        body.pop(name, None)
    for visitor in body['visitors']:
        visitor['attributes'].sort(key=lambda attribute: attribute['key'])
        for event in visitor['snapshots'][0]['events']:
            for name in OF_AN_EVENT:
                del event[name]
    return body


def check(missing):
    expected = normal(record(ours('pipeline', '-n', EVENTS), '-u'))
    peers = {'floor': (floor('pipeline', EVENTS, EVENTS, '1'),)}
    if 'go' not in missing:
        peers['go'] = (go('pipeline', '-n', EVENTS, '-m', 'sync'), '-u')
    for name, command in peers.items():
        if normal(record(*command)) != expected:
            sys.exit(f'bench: {name} sends something else')
