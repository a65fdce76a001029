"""Sends spans with Jaeger's client for Python, in the compact protocol over UDP, and prints them as JSON: PORT COUNT."""
import json
import sys
import time

from jaeger_client import Config

port, count = int(sys.argv[1]), int(sys.argv[2])
config = {
    "sampler": {"type": "const", "param": 1},
    "local_agent": {"reporting_host": "127.0.0.1", "reporting_port": port},
    "generate_128bit_trace_id": True,
}
tracer = Config(config=config, service_name="jaeger-python", validate=True).initialize_tracer()
sent = []
for i in range(count):
    with tracer.start_span(f"step {i}", tags={"i": i}) as span:
        span.log_kv({"event": "half"})
    sent.append(
        {"traceId": f"{span.trace_id:032x}", "spanId": f"{span.span_id:016x}", "name": f"step {i}"}
    )
closed = tracer.close()
end = time.time() + 20
while not closed.done() and time.time() < end:
    time.sleep(0.05)
print(json.dumps(sent))
