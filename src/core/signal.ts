/** Signals as the contracts name them; the words themselves live with the bytes. */
export {
  GRPC_EXPORT_PATH,
  HTTP_EXPORT_PATH,
  ITEM_NOUN,
  SIGNALS,
  type Signal,
} from '../otlp/signal.ts'
