#!/usr/bin/env python3
"""The interface binds to another language: Python 3, without a compiler.

OPTLY_PREFIX is where the shared library was installed.
"""
import json
import os
import sys
import threading
import unittest

try:
    import ctypes
    import http.server
except ImportError as missing:  # a Python without its batteries
    print(missing, file=sys.stderr)
    sys.exit(77)

import optly
from optly import byref

library = optly.load(os.environ['OPTLY_PREFIX'])

DATAFILE = json.dumps({
    'version': '4', 'accountId': '1', 'projectId': '2', 'revision': '3',
    'attributes': [{'id': '4', 'key': 'device'}],
    'events': [{'id': '5', 'key': 'purchase'}]}).encode()

TIMEOUT_MS = 10000
EVENTS = 25


class Service:
    """An event service on the loopback interface, which keeps the bodies."""

    def __init__(self):
        bodies = self.bodies = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers['Content-Length'])
                bodies.append(json.loads(self.rfile.read(length)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        port = self.server.server_address[1]
        self.url = f'http://127.0.0.1:{port}/v1/events'.encode()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Ctypes(unittest.TestCase):
    def setUp(self):
        self.error = optly.Error()
        self.project = optly.handle()
        self.processor = optly.handle()
        self.reports = []
        status = library.optly_project_from_datafile(
            byref(self.project), DATAFILE, len(DATAFILE), byref(self.error))
        self.assertEqual(status, optly.OK, self.error.message)
        # ctypes keeps no reference to a callback: each must be kept here.
        self.on_delivery = optly.DeliveryFn(self.report)
        self.lines = []
        self.log = optly.LogFn(lambda level, line, _: self.lines.append(line))

    def tearDown(self):
        library.optly_processor_destroy(self.processor)
        library.optly_project_destroy(self.project)

    def report(self, report, _):
        one = report.contents
        uuids = [library.optly_user_event_uuid(one.events[i])
                 for i in range(one.event_count)]
        self.reports.append((one.reason, one.attempts, uuids))

    def open(self, **config):
        settings = optly.ProcessorConfig(
            batch_size=10, log=self.log, **config)
        status = library.optly_processor_create(
            byref(self.processor), byref(settings), byref(self.error))
        self.assertEqual(status, optly.OK, self.error.message)
        self.handler = ctypes.c_int()
        for status in (
                library.optly_processor_on_delivery(
                    self.processor, self.on_delivery, None,
                    byref(self.handler)),
                library.optly_processor_start(self.processor)):
            self.assertEqual(status, optly.OK)

    def convert(self, visitor, **fields):
        """A new event, with an attribute and two tags."""
        attributes = (optly.Pair * 1)(optly.pair(b'device', b'phone'))
        tags = (optly.Pair * 2)(optly.pair(b'revenue', 4999),
                                optly.pair(b'value', 49.5))
        user = optly.User(visitor, attributes, 1)
        conversion = optly.Conversion(event_key=b'purchase', tags=tags,
                                      tag_count=2, **fields)
        event = optly.handle()
        status = library.optly_create_conversion(
            byref(event), self.project, byref(user), byref(conversion),
            byref(self.error))
        self.assertEqual(status, optly.OK, self.error.message)
        return event

    def send(self, count):
        """Hands over `count` events and returns their uuids."""
        uuids = []
        for number in range(count):
            event = self.convert(b'visitor-%d' % number)
            uuids.append(library.optly_user_event_uuid(event))
            self.assertEqual(
                library.optly_process_event(self.processor, event), optly.OK)
        self.assertEqual(
            library.optly_processor_flush(self.processor, TIMEOUT_MS),
            optly.OK)
        return uuids

    def check_books(self, uuids, batches):
        """What was sent was reported once each, counted, and closed."""
        stats = optly.Stats()
        self.assertEqual(
            library.optly_processor_stats(self.processor, byref(stats)),
            optly.OK)
        self.assertEqual((stats.accepted, stats.delivered, stats.batches),
                         (len(uuids), len(uuids), batches))
        self.assertGreater(stats.payload_bytes, 0)
        self.assertEqual(
            sorted(uuid for _, _, group in self.reports for uuid in group),
            sorted(uuids))
        report = optly.CloseReport()
        self.assertEqual(
            library.optly_processor_close(self.processor, TIMEOUT_MS,
                                          byref(report)), optly.OK)
        self.assertEqual((report.delivered, report.dropped, report.pending),
                         (len(uuids), 0, 0))
        event = self.convert(b'late')
        self.assertEqual(library.optly_process_event(self.processor, event),
                         optly.CLOSED)

    def test_a_dispatcher_in_python_gets_the_batches(self):
        bodies, attempts, released = [], [], []

        def dispatch(batch, result, _):
            one = batch.contents
            attempts.append(one.attempt)
            if len(attempts) == 1:
                result.contents.detail = b'not yet'
                return optly.RETRY
            bodies.append(json.loads(ctypes.string_at(one.body, one.body_len)))
            result.contents.http_status = 204
            return optly.DELIVERED

        dispatch_fn = optly.DispatchFn(dispatch)
        release_fn = optly.ReleaseFn(released.append)
        dispatcher = optly.Plug()
        self.assertEqual(
            library.optly_function_dispatcher_create(
                byref(dispatcher), dispatch_fn, 77, release_fn), optly.OK)
        self.open(dispatcher=dispatcher, retry_initial_ms=1, max_in_flight=1)

        uuids = self.send(EVENTS)

        self.assertEqual(attempts, [1, 2, 1, 1])
        self.assertEqual([report[:2] for report in self.reports],
                         [(optly.DROP_NONE, 2), (optly.DROP_NONE, 1),
                          (optly.DROP_NONE, 1)])
        self.assertTrue(any(b'not yet' in line for line in self.lines),
                        self.lines)
        visitors = [v for body in bodies for v in body['visitors']]
        self.assertEqual([v['visitor_id'] for v in visitors],
                         [f'visitor-{n}' for n in range(EVENTS)])
        sold = visitors[0]['snapshots'][0]['events'][0]
        self.assertEqual((sold['revenue'], sold['value']), (4999, 49.5))
        self.assertEqual(visitors[0]['attributes'][0]['value'], 'phone')
        self.check_books(uuids, batches=3)
        library.optly_processor_destroy(self.processor)
        self.processor = optly.handle()
        self.assertEqual(released, [77])

    def test_http_reaches_a_server_in_python(self):
        service = Service()
        self.addCleanup(service.stop)
        self.open(endpoint=service.url)

        uuids = self.send(EVENTS)

        sent = [v['snapshots'][0]['events'][0]['uuid'].encode()
                for body in service.bodies for v in body['visitors']]
        self.assertEqual(sorted(sent), sorted(uuids))
        self.assertEqual({body['account_id'] for body in service.bodies},
                         {'1'})
        self.check_books(uuids, batches=3)

    def test_a_handler_is_gone_once_removed(self):
        seen = []
        watch = optly.EventDispatchFn(
            lambda batch, _: seen.append(batch.contents.event_count))
        dispatch_fn = optly.DispatchFn(lambda *_: optly.DELIVERED)
        dispatcher = optly.Plug()
        library.optly_function_dispatcher_create(
            byref(dispatcher), dispatch_fn, None, optly.ReleaseFn())
        self.open(dispatcher=dispatcher)
        self.assertEqual(
            library.optly_processor_on_event_dispatch(
                self.processor, watch, None, None), optly.OK)
        self.assertEqual(
            library.optly_processor_remove_on_delivery(
                self.processor, self.handler), optly.OK)

        self.send(3)

        self.assertEqual(seen, [3])
        self.assertEqual(self.reports, [])

    def test_counters_as_text(self):
        text = ctypes.create_string_buffer(8192)
        labels = (optly.Label * 2)(optly.Label(b'host', b'py"1'))
        stats = optly.Stats(pending=7)

        length = library.optly_stats_prometheus(text, len(text), byref(stats),
                                                labels)

        self.assertEqual(length, len(text.value))
        self.assertIn(b'optly_events_pending{host="py\\"1"} 7\n', text.value)

    def test_a_zeroed_struct_is_refused_by_name(self):
        settings = optly.ProcessorConfig()
        settings.struct_size = 0

        status = library.optly_processor_create(
            byref(self.processor), byref(settings), byref(self.error))

        self.assertEqual(status, optly.INVALID)
        self.assertEqual(self.error.status, optly.INVALID)
        self.assertIn(b'struct_size', self.error.message)
        self.assertIsNone(self.processor.value)

    def test_a_value_out_of_range_is_named(self):
        settings = optly.ProcessorConfig(batch_size=10001)

        status = library.optly_processor_create(
            byref(self.processor), byref(settings), byref(self.error))

        self.assertEqual(status, optly.INVALID)
        self.assertIn(b'batch_size', self.error.message)

    def test_a_newer_struct_is_taken_while_its_new_fields_are_zero(self):
        class Newer(optly.ProcessorConfig):
            _fields_ = [('later', ctypes.c_uint64)]

        settings = Newer(later=1)
        as_known = ctypes.cast(byref(settings),
                               ctypes.POINTER(optly.ProcessorConfig))
        self.assertEqual(
            library.optly_processor_create(byref(self.processor), as_known,
                                           byref(self.error)), -12)
        settings.later = 0
        self.assertEqual(
            library.optly_processor_create(byref(self.processor), as_known,
                                           byref(self.error)), optly.OK,
            self.error.message)

    def test_texts_come_back(self):
        self.assertRegex(library.optly_version(), rb'^\d+\.\d+\.\d+$')
        self.assertEqual(library.optly_project_id(self.project), b'2')
        self.assertTrue(library.optly_status_text(optly.QUEUE_FULL))


if __name__ == '__main__':
    unittest.main()
