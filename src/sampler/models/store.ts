/**
 * Models as folders: `<name>/<version>/` with manifest, weights and card. Those of the package are read only; those of a
 * directory of the user's come beside them, with a note of which version is live.
 */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { MillraceError } from '../../errors.ts'
import { findNearest } from '../../util/nearest.ts'
import {
  CARD_FILE,
  compareVersions,
  MANIFEST_FILE,
  type Manifest,
  MODEL_NAME,
  MODEL_VERSION,
  manifestSchema,
  WEIGHTS_FILE,
} from './manifest.ts'
import { decodeWeights, digest, encodeWeights, type NetworkWeights } from './network-weights.ts'

export interface StoredNetwork {
  readonly manifest: Manifest
  readonly weights: NetworkWeights
}

export interface StoredVersion {
  readonly name: string
  readonly version: string
  readonly origin: 'package' | 'directory'
  readonly folder: string
  /** The one that is taken when no version is named. */
  readonly live: boolean
}

/** Versions that `rollback` can go back to. */
const KEPT_PROMOTIONS = 3
const LIVE_FILE = 'live.json'
const PACKAGE_FOLDER = fileURLToPath(new URL('../../../models/', import.meta.url))

/** By model: the version promoted last, and those before it, newest first. */
const liveSchema = z.record(z.string(), z.object({ live: z.string(), before: z.array(z.string()) }))

type Live = z.infer<typeof liveSchema>

export class ModelStore {
  readonly #directory: string | null
  readonly #packaged: string

  /** `directory` is where own models are kept; `save` makes it. */
  constructor(directory: string | null = null, packaged = PACKAGE_FOLDER) {
    this.#directory = directory
    this.#packaged = packaged
  }

  /** Throws if the directory is missing: reading on would quietly take the package's models for the user's. */
  async requireThere(): Promise<void> {
    if (this.#directory === null) return
    const found = await stat(this.#directory).catch(tolerateMissing)
    if (found?.isDirectory() === true) return
    throw new MillraceError('MILLRACE_MODEL_DIRECTORY', this.#directory)
  }

  /** Sorted by name and version. */
  async list(): Promise<readonly StoredVersion[]> {
    const found = [
      ...(await listFolder(this.#packaged, 'package')),
      ...(this.#directory === null ? [] : await listFolder(this.#directory, 'directory')),
    ]
    const live = await this.#readLive()
    const chosen = new Map<string, string>()
    for (const name of new Set(found.map(entry => entry.name))) {
      chosen.set(name, live[name]?.live ?? newestOf(name, found))
    }
    return found
      .map(entry => ({ ...entry, live: chosen.get(entry.name) === entry.version }))
      .sort(
        (a, b) =>
          (a.name < b.name ? -1 : a.name > b.name ? 1 : 0) || compareVersions(a.version, b.version),
      )
  }

  /** The live version if none is named. Throws where it is not there or not whole. */
  async read(name: string, version?: string): Promise<StoredNetwork> {
    return readFolder(await this.#find(name, version))
  }

  async #find(name: string, version: string | undefined): Promise<StoredVersion> {
    const all = await this.list()
    const found = all.find(
      entry =>
        entry.name === name && (version === undefined ? entry.live : entry.version === version),
    )
    if (found !== undefined) return found
    const ids = all.map(entry => `${entry.name}@${entry.version}`)
    const wanted = version === undefined ? name : `${name}@${version}`
    const nearest = findNearest(wanted, ids)
    const advice =
      nearest === undefined ? `there are ${ids.join(', ') || 'none'}` : `did you mean ${nearest}?`
    throw new MillraceError('MILLRACE_MODEL_UNKNOWN', `${wanted}; ${advice}`)
  }

  /** What is wrong with a version; null if it can be used. */
  async verify(entry: StoredVersion): Promise<string | null> {
    try {
      await readFolder(entry)
      return null
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  /** Throws unless a version of this name can be written; asked before long work, and by `save`. */
  async requireNew(name: string, version: string): Promise<void> {
    const refuse = (why: string): never => {
      throw new MillraceError('MILLRACE_MODEL_REFUSED', why)
    }
    const directory = this.requireDirectory()
    if (!MODEL_VERSION.test(version)) refuse(`"${version}" is not a version such as 1.2.0.`)
    if ((await this.list()).some(entry => entry.name === name && entry.version === version)) {
      refuse(`${name}@${version} is there already.`)
    }
    await mkdir(directory, { recursive: true }).catch((error: Error) => refuse(`${error.message}.`))
  }

  /** Writes a new version to the directory, whole or not at all. Where it is. */
  async save(
    manifest: Omit<Manifest, 'sha256'>,
    weights: NetworkWeights,
    card: string,
  ): Promise<string> {
    const directory = this.requireDirectory()
    const bytes = encodeWeights(weights)
    const checked = manifestSchema.parse({ ...manifest, sha256: digest(bytes) })
    await this.requireNew(checked.name, checked.version)
    const folder = join(directory, checked.name, checked.version)
    const made = `${folder}.new-${process.pid}`
    await mkdir(made, { recursive: true })
    await writeFile(join(made, WEIGHTS_FILE), bytes)
    await writeFile(join(made, CARD_FILE), card)
    await writeFile(join(made, MANIFEST_FILE), `${JSON.stringify(checked, null, 2)}\n`)
    await rm(folder, { recursive: true, force: true })
    await rename(made, folder)
    return folder
  }

  /** Makes a version the live one, after it was read as a whole. */
  async promote(name: string, version: string): Promise<void> {
    await this.read(name, version)
    const before = (await this.list()).find(entry => entry.name === name && entry.live)
    if (before?.version === version) {
      throw new MillraceError('MILLRACE_MODEL_REFUSED', `${name}@${version} is live already.`)
    }
    const live = await this.#readLive()
    const history = before === undefined ? [] : [before.version, ...(live[name]?.before ?? [])]
    await this.#writeLive({
      ...live,
      [name]: { live: version, before: history.slice(0, KEPT_PROMOTIONS) },
    })
  }

  /** Makes the version before the live one live again. Which that is. */
  async rollback(name: string): Promise<string> {
    const live = await this.#readLive()
    const [version, ...before] = live[name]?.before ?? []
    if (version === undefined) {
      throw new MillraceError('MILLRACE_MODEL_REFUSED', `No version of ${name} was live before.`)
    }
    await this.read(name, version)
    await this.#writeLive({ ...live, [name]: { live: version, before } })
    return version
  }

  async #readLive(): Promise<Live> {
    if (this.#directory === null) return {}
    const path = join(this.#directory, LIVE_FILE)
    const text = await readFile(path, 'utf8').catch(tolerateMissing)
    if (text === null) return {}
    const live = parseLive(text)
    if (live === null) {
      throw new MillraceError('MILLRACE_MODEL_INVALID', `${path} does not say what is live.`)
    }
    return live
  }

  async #writeLive(live: Live): Promise<void> {
    const path = join(this.requireDirectory(), LIVE_FILE)
    await mkdir(this.requireDirectory(), { recursive: true })
    await writeFile(`${path}.new`, `${JSON.stringify(live, null, 2)}\n`)
    await rename(`${path}.new`, path)
  }

  /** Where own models are kept; throws where there is no such place. */
  requireDirectory(): string {
    if (this.#directory !== null) return this.#directory
    throw new MillraceError(
      'MILLRACE_MODEL_REFUSED',
      'Models of the package cannot be changed; --directory names where own ones are kept.',
    )
  }
}

async function listFolder(
  folder: string,
  origin: StoredVersion['origin'],
): Promise<Omit<StoredVersion, 'live'>[]> {
  const found: Omit<StoredVersion, 'live'>[] = []
  for (const name of await namesIn(folder, MODEL_NAME)) {
    for (const version of await namesIn(join(folder, name), MODEL_VERSION)) {
      found.push({ name, version, origin, folder: join(folder, name, version) })
    }
  }
  return found
}

async function namesIn(folder: string, form: RegExp): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true }).catch(tolerateMissing)) ?? []
  return entries.filter(e => e.isDirectory() && form.test(e.name)).map(e => e.name)
}

function newestOf(name: string, found: readonly Omit<StoredVersion, 'live'>[]): string {
  const versions = found.filter(entry => entry.name === name && entry.origin === 'package')
  const all = versions.length > 0 ? versions : found.filter(entry => entry.name === name)
  return all
    .map(entry => entry.version)
    .sort(compareVersions)
    .at(-1)!
}

async function readFolder(entry: StoredVersion): Promise<StoredNetwork> {
  const invalid = (what: string): MillraceError =>
    new MillraceError('MILLRACE_MODEL_INVALID', `${entry.name}@${entry.version}: ${what}`)
  const text = await readFile(join(entry.folder, MANIFEST_FILE), 'utf8').catch(tolerateMissing)
  if (text === null) throw invalid(`${MANIFEST_FILE} is missing.`)
  const manifest = parseManifest(text)
  if (typeof manifest === 'string') throw invalid(`${MANIFEST_FILE}: ${manifest}`)
  if (manifest.name !== entry.name || manifest.version !== entry.version) {
    throw invalid(`${MANIFEST_FILE} is of ${manifest.name}@${manifest.version}.`)
  }
  const bytes = await readFile(join(entry.folder, WEIGHTS_FILE)).catch(tolerateMissing)
  if (bytes === null) throw invalid(`${WEIGHTS_FILE} is missing.`)
  if (digest(bytes) !== manifest.sha256) throw invalid(`the checksum of ${WEIGHTS_FILE} is wrong.`)
  const weights = decodeWeights(manifest.features, manifest.hidden, bytes)
  if (weights === null) throw invalid(`${WEIGHTS_FILE} does not hold such a network.`)
  return { manifest, weights }
}

function parseManifest(text: string): Manifest | string {
  try {
    const result = manifestSchema.safeParse(JSON.parse(text))
    if (result.success) return result.data
    return result.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`).join('; ')
  } catch {
    return 'not JSON.'
  }
}

function parseLive(text: string): Live | null {
  try {
    return liveSchema.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

function tolerateMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
  throw error
}
