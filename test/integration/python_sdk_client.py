"""Sends spans, logs and a counter through the SDK's own OTLP exporters; prints what it sent as JSON."""
import json
import logging
import sys

from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

protocol, endpoint, compression, spans = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

if protocol == "grpc":
    import grpc
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    wanted = grpc.Compression.Gzip if compression == "gzip" else grpc.Compression.NoCompression

    def options(_signal):
        return {"endpoint": endpoint, "insecure": True, "compression": wanted}
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    wanted = Compression.Gzip if compression == "gzip" else Compression.NoCompression

    def options(signal):
        return {"endpoint": f"{endpoint}/v1/{signal}", "compression": wanted}


resource = Resource.create({"service.name": "python-app"})
tracers = TracerProvider(resource=resource)
tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(**options("traces")), max_queue_size=100_000))
meters = MeterProvider(
    resource=resource,
    metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(**options("metrics")), export_interval_millis=60_000)],
)
loggers = LoggerProvider(resource=resource)
loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**options("logs")), max_queue_size=100_000))

tracer = tracers.get_tracer("app", "1.0")
counter = meters.get_meter("app").create_counter("work.done")
log = logging.getLogger("app")
log.setLevel(logging.INFO)
log.addHandler(LoggingHandler(logger_provider=loggers))

sent = 0
logs = 0
while sent < spans:
    with tracer.start_as_current_span("work") as span:
        span.set_attribute("n", sent)
        with tracer.start_as_current_span("step"):
            counter.add(1)
    sent += 2
    if sent % 100 == 0:
        log.info("done %d", sent)
        logs += 1

for provider in (tracers, meters, loggers):
    provider.shutdown()
print(json.dumps({"spans": sent, "logs": logs, "counter": sent // 2}))
