// A stock y-websocket client that obeys commands: JSON lines on stdin, JSON lines on stdout.
//
//   node client.mjs 3.1 ws://127.0.0.1:8000/ws ROOM TOKEN
//   {"id": 1, "verb": "connect", "args": []}   ->   {"id": 1, "result": null}
//
// Verbs whose name begins with "await" answer when their condition holds, or fail in time.
import { createInterface } from 'node:readline'
import { decoding } from 'lib0'
import WebSocket from 'ws'
import * as Y from 'yjs'

const SYNC = 0
const STEP_1 = 0
const PATIENCE = 20_000

const [version, server, room, token] = process.argv.slice(2)
const { WebsocketProvider } = await import(`y-websocket-${version}`)

const doc = new Y.Doc()
const steps = doc.getMap('steps')
const notes = doc.getMap('notes')
const connections = doc.getMap('connections')
const settings = doc.getMap('pipeline')

let acknowledged = 0
const closeCodes = []
const refusals = []
const stops = []
const departed = []

// The stock handler of an auth message tells the console, and nobody else.
console.warn = (message) => { refusals.push(message); changed() }

class Overheard extends WebSocket {
  constructor (url, protocols) {
    super(url, protocols)
    this.on('message', overhear)
    this.on('close', (code) => { closeCodes.push(code); changed() })
  }
}

const provider = new WebsocketProvider(server, room, doc, {
  connect: false,
  disableBc: true,
  maxBackoffTime: 500,
  params: { token },
  WebSocketPolyfill: Overheard
})
provider.on('closed', ({ code }) => { stops.push(code); changed() })
for (const event of ['status', 'sync']) provider.on(event, () => changed())
provider.awareness.on('change', ({ removed }) => { departed.push(...removed); changed() })
doc.on('update', () => changed())

// What the server sends back of our own insertions is acknowledged: y-websocket 4 counts like this.
function overhear (data) {
  const reader = decoding.createDecoder(new Uint8Array(data))
  if (decoding.readVarUint(reader) !== SYNC) return
  if (decoding.readVarUint(reader) === STEP_1) return
  const { to } = Y.parseUpdateMeta(decoding.readVarUint8Array(reader))
  acknowledged = Math.max(acknowledged, to.get(doc.clientID) ?? 0)
  changed()
}

const unacknowledged = () => Y.getState(doc.store, doc.clientID) - acknowledged

const textOf = (bytes) => Buffer.from(bytes).toString('base64')

const waiting = new Set()

function changed () {
  for (const recheck of waiting) setImmediate(recheck)
}

function until (what, condition) {
  return new Promise((resolve, reject) => {
    const recheck = () => {
      if (!waiting.has(recheck) || !condition()) return
      waiting.delete(recheck)
      clearTimeout(timer)
      resolve(null)
    }
    const timer = setTimeout(() => {
      waiting.delete(recheck)
      reject(new Error(`expected ${what} within ${PATIENCE} ms, got ${JSON.stringify(status())}`))
    }, PATIENCE)
    waiting.add(recheck)
    recheck()
  })
}

const walk = (type, path) => path.reduce((node, key) => node.get(key), type)

const others = () =>
  [...provider.awareness.getStates()].filter(([client]) => client !== doc.clientID)

const covers = (own, other) => [...other].every(([client, clock]) => (own.get(client) ?? 0) >= clock)

const status = () => ({
  client: doc.clientID,
  connected: provider.wsconnected,
  synced: provider.synced,
  wants_connection: provider.shouldConnect,
  unacknowledged: unacknowledged(),
  others: others().map(([, state]) => state),
  departed,
  close_codes: closeCodes,
  stops,
  refusals
})

const verbs = {
  status,
  connect: () => provider.connect(),
  disconnect: () => provider.disconnect(),
  present: (state) => provider.awareness.setLocalState(state),

  put_step: (id, fields) => steps.set(id, stepOf(fields)),
  set: (id, key, value) => steps.get(id).set(key, value),
  type: (id, path, index, text) => walk(steps.get(id), path).insert(index, text),
  erase: (id, path, index, length) => walk(steps.get(id), path).delete(index, length),
  remove_step: (id) => steps.delete(id),
  remove_note: (key) => notes.delete(key),
  wire: (id, ends) => connections.set(id, new Y.Map([['ends', ends], ['path_data', null]])),
  unwire: (id) => connections.delete(id),
  paste: (key, length) => { settings.set(key, 'x'.repeat(length)) },
  rename: (name) => settings.set('name', name),

  dump: () => ({
    pipeline: settings.toJSON(), steps: steps.toJSON(), connections: connections.toJSON()
  }),
  notes: () => notes.toJSON(),
  state_vector: () => textOf(Y.encodeStateVector(doc)),

  await_synced: () => until('a synced client', () => provider.synced),
  await_echoes: () => until('an echo of every edit', () => unacknowledged() === 0),
  await_reaches: (vector) => until('everything that the other has', () =>
    covers(Y.decodeStateVector(Y.encodeStateVector(doc)), Y.decodeStateVector(Buffer.from(vector, 'base64')))),
  await_others: (count) => until(`${count} others present`, () => others().length === count),
  await_refusal: () => until('a refusal', () => refusals.length > 0),
  await_stop: () => until('a permanent stop', () => stops.length > 0),
  await_closed: (code) => until(`a close with ${code}`, () => closeCodes.includes(code))
}

function stepOf ({ prompt, ...fields }) {
  const config = new Y.Map([['prompt', new Y.Text(prompt)]])
  return new Y.Map([...Object.entries(fields), ['config', config]])
}

async function obey ({ id, verb, args }) {
  try {
    const result = await verbs[verb](...args)
    answer({ id, result: result instanceof Y.AbstractType ? null : result ?? null })
  } catch (error) {
    answer({ id, error: String(error.message ?? error) })
  }
}

const answer = (line) => process.stdout.write(JSON.stringify(line) + '\n')

for await (const line of createInterface({ input: process.stdin })) obey(JSON.parse(line))
provider.destroy()
process.exit(0)
