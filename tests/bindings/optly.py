"""The parts of the interface that test_ctypes.py needs, by ctypes alone.

What the header's default functions do is done here by Growing: zeros, and the
struct's own size in its first field.
"""
import ctypes
import glob
import os
from ctypes import (CFUNCTYPE, POINTER, Structure, Union, byref, c_bool,
                    c_char, c_char_p, c_double, c_int, c_int32, c_int64,
                    c_size_t, c_uint32, c_uint64, c_void_p, sizeof)

OK, INVALID, QUEUE_FULL, CLOSED = 0, -1, -5, -6
DELIVERED, RETRY, REFUSED = 1, 2, 3
DROP_NONE, DROP_REFUSED = 0, 2


class Growing(Structure):
    """A struct with a struct_size, which stands first."""

    def __init__(self, **fields):
        super().__init__(struct_size=sizeof(type(self)), **fields)


class Error(Structure):
    _fields_ = [('status', c_int), ('message', c_char * 240)]


class As(Union):
    _fields_ = [('boolean', c_bool), ('integer', c_int64),
                ('number', c_double), ('text', c_char_p)]


class Value(Structure):
    _fields_ = [('type', c_int), ('value', As)]


class Pair(Structure):
    _fields_ = [('key', c_char_p), ('value', Value)]


def pair(key, value):
    """As optly_bool, optly_int, optly_double and optly_string do."""
    kinds = {bool: (1, 'boolean'), int: (2, 'integer'), float: (3, 'number'),
             bytes: (4, 'text')}
    number, field = kinds[type(value)]
    return Pair(key, Value(number, As(**{field: value})))


class User(Structure):
    _fields_ = [('id', c_char_p), ('attributes', POINTER(Pair)),
                ('attribute_count', c_size_t)]


class Conversion(Growing):
    _fields_ = [('struct_size', c_size_t), ('event_key', c_char_p),
                ('tags', POINTER(Pair)), ('tag_count', c_size_t),
                ('timestamp_ms', c_int64), ('uuid', c_char_p)]


class LogEvent(Structure):
    _fields_ = [('struct_size', c_size_t), ('endpoint', c_char_p),
                ('body', c_char_p), ('body_len', c_size_t),
                ('event_count', c_uint32), ('attempt', c_uint32),
                ('account_id', c_char_p), ('project_id', c_char_p),
                ('revision', c_char_p), ('region', c_char_p),
                ('events', POINTER(c_void_p))]


class DispatchResult(Structure):
    _fields_ = [('struct_size', c_size_t), ('outcome', c_int),
                ('http_status', c_int32), ('retry_after_ms', c_int64),
                ('detail', c_char * 128)]


class DeliveryReport(Structure):
    _fields_ = [('struct_size', c_size_t), ('reason', c_int),
                ('attempts', c_uint32), ('http_status', c_int32),
                ('event_count', c_uint32), ('events', POINTER(c_void_p))]


class CloseReport(Growing):
    _fields_ = [('struct_size', c_size_t), ('delivered', c_uint64),
                ('dropped', c_uint64), ('pending', c_uint64)]


class Stats(Growing):
    _fields_ = ([('struct_size', c_size_t), ('attempted', c_uint64),
                 ('accepted', c_uint64), ('rejected', c_uint64 * 16),
                 ('delivered', c_uint64), ('dropped', c_uint64 * 16)] +
                [(name, c_uint64) for name in
                 ('queued', 'in_flight', 'retry_wait', 'pending', 'batches',
                  'requests', 'retries', 'bisections', 'payload_bytes')])


class Label(Structure):
    _fields_ = [('name', c_char_p), ('value', c_char_p)]


class Plug(Structure):
    """An optly_queue or an optly_dispatcher: a table and its object."""
    _fields_ = [('ops', c_void_p), ('self', c_void_p)]


DispatchFn = CFUNCTYPE(c_int, POINTER(LogEvent), POINTER(DispatchResult),
                       c_void_p)
ReleaseFn = CFUNCTYPE(None, c_void_p)
DeliveryFn = CFUNCTYPE(None, POINTER(DeliveryReport), c_void_p)
EventDispatchFn = CFUNCTYPE(None, POINTER(LogEvent), c_void_p)
LogFn = CFUNCTYPE(None, c_int, c_char_p, c_void_p)
HookFn = CFUNCTYPE(None, c_void_p)


class ProcessorConfig(Growing):
    _fields_ = [('struct_size', c_size_t), ('batch_size', c_uint32),
                ('queue_size', c_uint32), ('flush_interval_ms', c_uint32),
                ('max_in_flight', c_uint32), ('queue_bytes', c_uint64),
                ('max_payload_bytes', c_uint64), ('overflow', c_int),
                ('overflow_block_ms', c_uint32), ('retry_initial_ms', c_uint32),
                ('retry_max_ms', c_uint32), ('max_attempts', c_uint32),
                ('max_age_ms', c_uint32), ('endpoint', c_char_p),
                ('sdk_key', c_char_p), ('queue', Plug), ('dispatcher', Plug),
                ('http', c_void_p), ('log', LogFn), ('log_user', c_void_p),
                ('metrics', c_void_p), ('on_worker_start', HookFn),
                ('on_worker_stop', HookFn), ('worker_user', c_void_p),
                ('on_wake', HookFn), ('wake_user', c_void_p),
                ('worker_stack_bytes', c_size_t)]


SIGNATURES = {
    'optly_version': (c_char_p, []),
    'optly_status_text': (c_char_p, [c_int]),
    'optly_project_from_datafile':
        (c_int, [POINTER(c_void_p), c_char_p, c_size_t, POINTER(Error)]),
    'optly_project_id': (c_char_p, [c_void_p]),
    'optly_project_destroy': (None, [c_void_p]),
    'optly_create_conversion':
        (c_int, [POINTER(c_void_p), c_void_p, POINTER(User),
                 POINTER(Conversion), POINTER(Error)]),
    'optly_user_event_uuid': (c_char_p, [c_void_p]),
    'optly_function_dispatcher_create':
        (c_int, [POINTER(Plug), DispatchFn, c_void_p, ReleaseFn]),
    'optly_processor_create':
        (c_int, [POINTER(c_void_p), POINTER(ProcessorConfig), POINTER(Error)]),
    'optly_processor_start': (c_int, [c_void_p]),
    'optly_process_event': (c_int, [c_void_p, c_void_p]),
    'optly_processor_flush': (c_int, [c_void_p, c_uint32]),
    'optly_processor_on_delivery':
        (c_int, [c_void_p, DeliveryFn, c_void_p, POINTER(c_int)]),
    'optly_processor_remove_on_delivery': (c_int, [c_void_p, c_int]),
    'optly_processor_on_event_dispatch':
        (c_int, [c_void_p, EventDispatchFn, c_void_p, POINTER(c_int)]),
    'optly_processor_stats': (c_int, [c_void_p, POINTER(Stats)]),
    'optly_stats_prometheus':
        (c_int, [c_char_p, c_size_t, POINTER(Stats), POINTER(Label)]),
    'optly_processor_close': (c_int, [c_void_p, c_uint32,
                                      POINTER(CloseReport)]),
    'optly_processor_destroy': (None, [c_void_p]),
}


def load(prefix):
    """The library below `prefix`, by the name that programs link."""
    pattern = os.path.join(prefix, 'lib', '**', 'liboptly_event.so.0')
    library = ctypes.CDLL(glob.glob(pattern, recursive=True)[0])
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


def handle():
    """An out-parameter for a handle."""
    return c_void_p()


__all__ = [name for name in dir() if not name.startswith('_')] + ['byref']
