/** Component types of the OpenTelemetry Collector (core and contrib), so that a type that is not built here is told from a misspelled one. */
import type { Kind } from '../core/factory.ts'

/** Types that exist upstream, by kind. */
export const KNOWN_UPSTREAM: Readonly<Record<Kind, ReadonlySet<string>>> = {
  receiver:
    words(`active_directory_ds aerospike apache apachespark awscloudwatch awscontainerinsightreceiver
    awsecscontainermetrics awsfirehose awslambda awss3 awsxray azure_blob azure_event_hub azureblob azureeventhub azuremonitor
    bigip carbon chrony ciscoos cloudflare cloudfoundry collectd couchdb datadog docker_stats elasticsearch envoyals expvar
    faro filelog file_log filestats flinkmetrics fluentforward fluent_forward github gitlab gitproviders googlecloudmonitoring
    googlecloudpubsub googlecloudpubsub_push googlecloudspanner haproxy hostmetrics host_metrics httpcheck http_check
    huaweicloudces icmpcheck iis influxdb jaeger jmx journald k8s_cluster k8s_events k8sobjects k8s_objects k8slog kafka kafkametrics
    kubeletstats libhoneyevent loki memcached mongodb mongodbatlas mysql namedpipe netflow netscaler nginx nop ntp nsxt opencensus
    oracledb osquery otelarrow otlp otlpjsonfile otlp_json_file podman_stats postgresql pprof prometheus prometheus_simple
    prometheusremotewrite pulsar purefa purefb rabbitmq receiver_creator redfish redis riak saphana sapm signalfx simpleprometheus
    skywalking snmp snowflake solace splunk_hec splunkenterprise sqlquery sqlserver sshcheck statsd stef syslog systemd tcpcheck
    tcplog tcp_log tlscheck udplog udp_log vcenter vcr wavefront webhookevent windowseventlog windows_event_log windowsperfcounters
    windows_perf_counters windowsservice yanggrpc zipkin zookeeper`),
  processor:
    words(`attributes batch coralogix cumulativetodelta datadog_semantics deltatocumulative deltatorate dnslookup
    dns_lookup drain experimental_metricsgeneration filter geoip groupbyattrs groupbytrace intelligentsampling interval isolationforest
    k8sattributes k8s_attributes logdedup log_dedup logstransform lookup memory_limiter metricsgeneration metricstarttime
    metricstransform probabilistic_sampler ratelimiter redaction remotetap remoteresourcedetection resource resourcedetection
    resource_detection routing schema servicegraph span spanmetrics span_pruning sumologic tail_sampling transform unroll
    adaptive_sampling`),
  connector:
    words(`count datadog exceptions failover forward grafanacloud metricsaslogs metricstologs otlpjson otlp_json
    roundrobin round_robin routing servicegraph service_graph signaltometrics signal_to_metrics slowsql spanmetrics span_metrics
    sum telemetryapi`),
  exporter:
    words(`alertmanager alibabacloud_logservice awscloudwatchlogs awsemf awskinesis awss3 awsxray azureblob azure_blob
    azuredataexplorer azuremonitor azure_monitor bmchelix carbon cassandra clickhouse coralogix coralogix_profiles datadog dataset
    debug doris dynatrace elasticsearch faro file fluentforward googlecloud googlecloudpubsub googlecloudstorage
    googlemanagedprometheus honeycombmarker influxdb instana jaeger kafka kinetica load_balancing loadbalancing logicmonitor
    logging logzio loki mezmo nop opencensus opensearch otelarrow otlp otlp_grpc otlp_http otlphttp otlp_file prometheus
    prometheusremotewrite pulsar rabbitmq sapm sematext sentry signalfx skywalking splunk_hec stef sumologic syslog tencentcloud_logservice
    tinybird topic_hash xk6 zipkin jaeger_storage_exporter`),
  extension:
    words(`ack asapauth asapclient avro_log_encoding aws_logs_encoding awsproxy azure_auth azure_encoding azureauth
    basicauth basicauthenticator bearertokenauth bearer_token_auth cgroupruntime cloudfoundry datadog db_storage docker_observer
    ecs_observer ecs_task_observer encoding expvar file_storage filestorage googleclientauth googlecloudlogentry_encoding headers_setter
    health_check healthcheckv2 host_observer httpforwarder http_forwarder jaeger_encoding jaeger_query jaeger_storage
    jaegerremotesampling jaegerencoding json_log_encoding k8s_leader_elector k8s_observer kafkatopics_observer memory_ballast
    memory_limiter oauth2client oidc opamp opampcustommessages otlp_encoding pprof redis_storage remote_sampling remotetap sigv4auth
    skywalking_encoding solarwindsapmsettings storage sumologic text_encoding zipkin_encoding zpages`),
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/))
}
