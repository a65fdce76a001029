/** Entry of the training thread: one job in, one result out, the end. */
import { parentPort, workerData } from 'node:worker_threads'
import { runTraining, type TrainingJob } from './training-job.ts'

parentPort?.postMessage(runTraining(workerData as TrainingJob))
