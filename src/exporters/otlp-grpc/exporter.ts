/** Joins the gRPC sender of OTLP with queue, batches and retries; the sender stands in `sending/`, others send by it too. */
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { createSendingExporter } from '../sending/exporter.ts'
import { OtlpGrpcSender } from '../sending/otlp-grpc-sender.ts'
import { createSender } from '../sending/pool/create.ts'
import type { OtlpGrpcConfig } from './config.ts'

export function createOtlpGrpcExporter(
  context: CreateContext<OtlpGrpcConfig>,
): Component & Consumer {
  const { config } = context
  const sender = createSender(context, {
    kind: 'grpc',
    endpoint: config.endpoint,
    tls: config.tls,
    authority: config.authority,
    create: ({ endpoint, address }) =>
      new OtlpGrpcSender({ ...config, endpoint }, context, address),
  })
  return createSendingExporter(context, config, sender)
}
