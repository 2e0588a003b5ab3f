"""A collector made of OpenTelemetry's own schema: takes OTLP/HTTP in JSON, parses it strictly with Google's protobuf (an
unknown name, a wrong type or an id that is no id is refused with 400) and prints what it understood, a JSON line each.
Needs the package opentelemetry-proto. Prints its port first."""

import base64
import gzip
import json
from http.server import BaseHTTPRequestHandler, HTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

ID_BYTES = {"traceId": 16, "spanId": 8, "parentSpanId": 8}


def ids_as_base64(value):
    """OTLP writes ids in hex, where the JSON of protobuf has base64."""
    if isinstance(value, list):
        return [ids_as_base64(item) for item in value]
    if not isinstance(value, dict):
        return value
    converted = {}
    for name, item in value.items():
        if name in ID_BYTES:
            raw = bytes.fromhex(item)
            if len(raw) != ID_BYTES[name] or not any(raw):
                raise ValueError(f"{name} is no id: {item}")
            converted[name] = base64.b64encode(raw).decode()
        else:
            converted[name] = ids_as_base64(item)
    return converted


def attributes_of(record):
    names = [attribute.key for attribute in record.attributes]
    if len(names) != len(set(names)):
        raise ValueError("an attribute is there twice")
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in record.attributes}


def seen(signal, resource, record):
    about = {"signal": signal, "resource": attributes_of(resource), "attributes": attributes_of(record)}
    about |= {"traceId": record.trace_id.hex(), "spanId": record.span_id.hex()}
    if signal == "traces":
        times = [record.start_time_unix_nano, record.end_time_unix_nano]
        return about | {"name": record.name, "kind": record.kind, "times": times, "status": record.status.code,
                        "parentSpanId": record.parent_span_id.hex()}
    return about | {"body": record.body.string_value, "times": [record.time_unix_nano],
                    "severity": record.severity_number, "eventName": record.event_name}


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        body = gzip.decompress(self.rfile.read(int(self.headers["content-length"])))
        try:
            found = self.parse(json.loads(body))
        except Exception as error:
            print(json.dumps({"refused": str(error)}), flush=True)
            self.send_response(400)
            self.end_headers()
            return
        for one in found:
            print(json.dumps(one), flush=True)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    def parse(self, value):
        if self.path == "/v1/logs":
            request = json_format.ParseDict(ids_as_base64(value), ExportLogsServiceRequest())
            return [seen("logs", group.resource, record) for group in request.resource_logs
                    for scope in group.scope_logs for record in scope.log_records]
        if self.path != "/v1/traces":
            raise ValueError(f"there is no {self.path}")
        request = json_format.ParseDict(ids_as_base64(value), ExportTraceServiceRequest())
        return [seen("traces", group.resource, span) for group in request.resource_spans
                for scope in group.scope_spans for span in scope.spans]

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Collector)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
